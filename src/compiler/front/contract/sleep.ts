/**
 * From @atomic to @may_sleep: which functions call which, as they were compiled (branches that the configuration or a constant
 * argument removed are not there), and the shortest way from one that must not sleep to one that may.
 *
 * A body that was lowered in place of a call belongs to the function around it, so that `lock(x, false)` does not sleep because
 * some other caller writes `lock(x, true)`. An @atomic function is a start of its own wherever it was put.
 */
import type TS from "typescript";
import type { Diagnostics } from "../diagnostics.ts";
import type { FunctionSymbol } from "../types/symbols.ts";

export interface NotedCall {
  /** The function that is compiled, what was put into it around the call, and at the end the one that calls. */
  readonly chain: readonly FunctionSymbol[];
  readonly callee: FunctionSymbol;
  readonly node: TS.Node;
  /** Whether the callee's body stands here, too. */
  readonly inlined: boolean;
  /** Whether it may sleep, with these arguments. */
  readonly sleeps: boolean;
}

interface Way {
  readonly callee: FunctionSymbol;
  /** Inlined functions on the way. */
  readonly through: readonly FunctionSymbol[];
}

interface Calls {
  readonly ways: Map<FunctionSymbol, Way>;
  sleep: Way | null;
}

export class CallGraph {
  readonly #calls = new Map<FunctionSymbol, Calls>();
  /** The first call of each function by each, as written. */
  readonly #places = new Map<FunctionSymbol, Map<FunctionSymbol, TS.Node>>();
  /** Functions that were handed to someone who calls them where nothing may sleep. */
  readonly #handed = new Map<FunctionSymbol, { readonly to: FunctionSymbol; readonly node: TS.Node }>();

  add({ chain, callee, node, inlined, sleeps }: NotedCall): void {
    const caller = chain.at(-1)!;
    let places = this.#places.get(caller);
    if (!places) this.#places.set(caller, (places = new Map()));
    if (!places.has(callee)) places.set(callee, node);
    chain.forEach((start, i) => {
      if (i > 0 && !start.tags.atomic) return;
      // What sleeps by its flags says so where constant flags are passed.
      if (chain.slice(i).some(({ tags }) => tags.maySleepIf)) return;
      let calls = this.#calls.get(start);
      if (!calls) this.#calls.set(start, (calls = { ways: new Map(), sleep: null }));
      const way: Way = { callee, through: chain.slice(i + 1) };
      if (sleeps) calls.sleep ??= way;
      else if (!inlined && !calls.ways.has(callee)) calls.ways.set(callee, way);
    });
  }

  /** `fn` is an argument that `to` will call where nothing may sleep. */
  hand(fn: FunctionSymbol, to: FunctionSymbol, node: TS.Node): void {
    if (!this.#handed.has(fn)) this.#handed.set(fn, { to, node });
  }

  /** One problem for each function that must not sleep and may. */
  check(diagnostics: Diagnostics): void {
    for (const start of this.#calls.keys()) {
      if (!start.tags.atomic) continue;
      const path = this.#wayToSleep(start);
      if (path) diagnostics.report(this.#places.get(start)!.get(path[1]!)!, "K123", start.name, path.at(-1)!.name, textOf(path));
    }
    for (const [fn, { to, node }] of this.#handed) {
      if (fn.tags.atomic) continue;
      const path = fn.tags.maySleep ? [fn] : this.#wayToSleep(fn);
      if (path) diagnostics.report(node, "K126", fn.name, to.name, path.at(-1)!.name, textOf(path));
    }
  }

  #wayToSleep(start: FunctionSymbol): readonly FunctionSymbol[] | null {
    const paths = new Map<FunctionSymbol, readonly FunctionSymbol[]>([[start, [start]]]);
    for (const [fn, path] of paths) {
      const calls = this.#calls.get(fn);
      if (!calls) continue;
      const { sleep, ways } = calls;
      if (sleep) return [...path, ...sleep.through, sleep.callee];
      for (const { callee, through } of ways.values()) if (!paths.has(callee)) paths.set(callee, [...path, ...through, callee]);
    }
    return null;
  }
}

const textOf = (path: readonly FunctionSymbol[]): string => path.map(({ name }) => name).join(" -> ");
