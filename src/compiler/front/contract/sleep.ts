/**
 * From @atomic to @may_sleep: which functions call which, as they were compiled (branches that the configuration removed are
 * not there), and the shortest way from one that must not sleep to one that may.
 */
import type TS from "typescript";
import type { Diagnostics } from "../diagnostics.ts";
import type { FunctionSymbol } from "../types/symbols.ts";

export class CallGraph {
  private readonly calls = new Map<FunctionSymbol, Map<FunctionSymbol, TS.Node>>();

  add(caller: FunctionSymbol, callee: FunctionSymbol, node: TS.Node): void {
    let callees = this.calls.get(caller);
    if (!callees) this.calls.set(caller, (callees = new Map()));
    if (!callees.has(callee)) callees.set(callee, node);
  }

  /** One problem for each function that must not sleep and may. */
  check(diagnostics: Diagnostics): void {
    for (const caller of this.calls.keys()) if (caller.tags.atomic) this.checkFrom(caller, diagnostics);
  }

  private checkFrom(start: FunctionSymbol, diagnostics: Diagnostics): void {
    const from = new Map<FunctionSymbol, FunctionSymbol>();
    const seen = new Set<FunctionSymbol>([start]);
    for (const caller of seen) {
      for (const callee of this.calls.get(caller)?.keys() ?? []) {
        if (seen.has(callee)) continue;
        seen.add(callee);
        from.set(callee, caller);
        if (!callee.tags.maySleep) continue;
        const path = [callee];
        for (let at = from.get(callee); at; at = from.get(at)) path.unshift(at);
        const first = this.calls.get(start)!.get(path[1]!)!;
        diagnostics.report(first, "K123", start.name, callee.name, path.map(({ name }) => name).join(" -> "));
        return;
      }
    }
  }
}
