/**
 * What the source's variables are at each place, for the debugger.
 *
 * Whenever something is emitted, its location remembers the environment: block, moment, and scope of names. One node of
 * the source that is lowered in two environments gets two locations. After the function is built, `variablesAt` finds
 * the value that each variable has there: the last one written in the block, or else what all ways into the block agree
 * on. Where they do not agree and nobody reads the variable, there is no phi and the answer is "none": reading must not
 * change the code.
 *
 * The value of a location is the one that the source says, whatever passes do to the code in between: locations travel
 * with the code.
 */
import type { Location, LocationId, LocalVariable, Value, VariableScopes, VisibleVariable } from "../../ir.ts";
import type { Scope } from "./lowering.ts";
import type { Variable, VariableWord } from "./operand.ts";
import type { BuildBlock } from "./ssa-builder.ts";

/** Values of a variable within one block, each from a moment on. */
export interface History {
  readonly moments: number[];
  readonly values: Value[];
}

interface Environment {
  readonly block: BuildBlock;
  readonly moment: number;
  readonly scope: Scope;
}

/** What the debugger knows of a variable, and from which moment on it has a value. */
export interface Declared {
  readonly local: LocalVariable;
  readonly size: number;
  readonly since: number;
  /** Its value, when it is the same everywhere; else the variable's own words are looked up. */
  readonly words: readonly Value[] | null;
}

const NONE: readonly VisibleVariable[] = [];

export class Environments implements VariableScopes {
  readonly parents: number[] = [];
  private readonly locations: Location[];
  private readonly byLocation = new Map<LocationId, Environment>();
  private readonly declared = new Map<Variable, Declared>();
  private readonly scopes = new Map<Scope, number>();
  private readonly resolved = new Map<VariableWord, Map<BuildBlock, Value | null>>();
  private find: (value: Value) => Value = (value) => value;

  constructor(locations: Location[]) {
    this.locations = locations;
  }

  /** `find` gives what a replaced value stands for. */
  finish(find: (value: Value) => Value): void {
    this.find = find;
  }

  declare(variable: Variable, declared: Declared): void {
    this.declared.set(variable, declared);
  }

  /** `loc` in this environment: itself, or a copy when it stands for another environment already. */
  locate(loc: LocationId, block: BuildBlock, moment: number, scope: Scope): LocationId {
    const known = this.byLocation.get(loc);
    if (known && known.block === block && known.moment === moment && known.scope === scope) return loc;
    let id = loc;
    if (known) {
      id = this.locations.length;
      this.locations.push(this.locations[loc]!);
    }
    this.byLocation.set(id, { block, moment, scope });
    return id;
  }

  inlinedAt(loc: LocationId): LocationId {
    return this.locations[loc]!.inlinedAt;
  }

  scopeOf(loc: LocationId): number {
    const environment = this.byLocation.get(loc);
    return environment ? this.indexOf(environment.scope) : -1;
  }

  /** The parameters and the outermost block of a body are one scope, -1; so are scopes that declare nothing. */
  private indexOf(scope: Scope): number {
    if (!scope.up?.up) return -1;
    let index = this.scopes.get(scope);
    if (index === undefined) {
      const parent = this.indexOf(scope.up);
      if (![...scope.names.values()].some((variable) => this.declared.has(variable))) index = parent;
      else {
        index = this.parents.length;
        this.parents.push(parent);
      }
      this.scopes.set(scope, index);
    }
    return index;
  }

  variablesAt(loc: LocationId): readonly VisibleVariable[] {
    const environment = this.byLocation.get(loc);
    if (!environment) return NONE;
    const result: VisibleVariable[] = [];
    for (let scope: Scope | null = environment.scope; scope; scope = scope.up) {
      const index = this.indexOf(scope);
      for (const variable of scope.names.values()) {
        const declared = this.declared.get(variable);
        if (!declared || declared.since > environment.moment) continue;
        const { local, size } = declared;
        const words = declared.words?.map((word) => this.find(word)) ?? this.words(variable, environment);
        result.push({ variable: local, size, scope: index, words });
      }
    }
    return result;
  }

  describe(locations: readonly LocationId[], index: (loc: LocationId) => number): string {
    const describer = new Describer(this.declared, this.find, index);
    const lines: string[] = [];
    // Calls that code was inlined at are added on the way.
    for (let i = 1; i < locations.length; i++) {
      const loc = locations[i]!;
      const inlinedAt = this.inlinedAt(loc);
      const environment = this.byLocation.get(loc);
      const at = environment ? `${environment.block.id}.${environment.moment}.${describer.scope(environment.scope)}` : "";
      lines.push(`L${inlinedAt === 0 ? 0 : index(inlinedAt)} ${at}`);
      if (environment) describer.block(environment.block);
    }
    return `\n${lines.join("\n")}${describer.text()}`;
  }

  private words(variable: Variable, at: Environment): VisibleVariable["words"] {
    const storage = variable.slot ?? variable.constant?.words[0];
    if (storage?.op === "frame") return storage.x.slot;
    return variable.words.map((word) => this.value(word, at));
  }

  private value(word: VariableWord, { block, moment }: Environment): Value | null {
    const history = block.history?.get(word);
    if (history) {
      let i = history.moments.length - 1;
      while (i >= 0 && history.moments[i]! > moment) i--;
      if (i >= 0) return this.find(history.values[i]!);
    }
    let known = this.resolved.get(word);
    if (!known) this.resolved.set(word, (known = new Map()));
    return this.atEntry(word, block, known, new Map()) ?? null;
  }

  /** Undefined while a cycle is open: it agrees with everything. */
  private atEntry(
    word: VariableWord,
    block: BuildBlock,
    known: Map<BuildBlock, Value | null>,
    open: Map<BuildBlock, Value | null | undefined>,
  ): Value | null | undefined {
    const phi = block.entries?.get(word);
    if (phi) return this.find(phi);
    const before = known.get(block);
    if (before !== undefined) return before;
    if (open.has(block)) return open.get(block);
    open.set(block, undefined);
    let result: Value | null | undefined = block.preds.length === 0 ? null : undefined;
    for (const pred of block.preds as unknown as readonly BuildBlock[]) {
      const last = pred.history?.get(word)?.values.at(-1);
      const value = last ? this.find(last) : this.atEntry(word, pred, known, open);
      if (value === undefined) continue;
      result = result === undefined || result === value ? value : null;
      if (result === null) break;
    }
    open.set(block, result);
    // Only the block that was asked for is sure not to depend on a cycle that is still open.
    if (open.keys().next().value === block) known.set(block, result ?? null);
    return result;
  }
}

/** Writes what environments refer to: scopes with their variables, and what was written to these in which block. */
class Describer {
  private readonly parts: string[] = [];
  private readonly scopes = new Map<Scope, number>();
  private readonly words = new Map<VariableWord, number>();
  private readonly blocks = new Set<BuildBlock>();
  private readonly declared: ReadonlyMap<Variable, Declared>;
  private readonly find: (value: Value) => Value;
  private readonly index: (loc: LocationId) => number;

  constructor(declared: ReadonlyMap<Variable, Declared>, find: (value: Value) => Value, index: (loc: LocationId) => number) {
    this.declared = declared;
    this.find = find;
    this.index = index;
  }

  scope(scope: Scope): number {
    const known = this.scopes.get(scope);
    if (known !== undefined) return known;
    const up = scope.up ? this.scope(scope.up) : -1;
    const index = this.scopes.size;
    this.scopes.set(scope, index);
    this.parts.push(`\nS${up}`);
    for (const variable of scope.names.values()) {
      const declared = this.declared.get(variable);
      if (declared) this.variable(variable, declared);
    }
    return index;
  }

  private variable(variable: Variable, { local, size, since, words }: Declared): void {
    const { name, type, loc, isParameter } = local;
    const storage = variable.slot ?? variable.constant?.words[0];
    const place = words
      ? `=${words.map((word) => this.find(word).id).join()}`
      : storage?.op === "frame"
        ? `f${storage.x.slot}`
        : variable.words.map((word) => this.word(word)).join();
    this.parts.push(` ${name}:${type}:${size}@${this.index(loc)}${isParameter ? "p" : ""}+${since} ${place}`);
  }

  private word(word: VariableWord): number {
    let index = this.words.get(word);
    if (index === undefined) {
      index = this.words.size;
      this.words.set(word, index);
    }
    return index;
  }

  /** Blocks that are asked about, and all on the ways there. */
  block(block: BuildBlock): void {
    if (this.blocks.has(block)) return;
    this.blocks.add(block);
    for (const pred of block.preds as unknown as readonly BuildBlock[]) this.block(pred);
  }

  text(): string {
    for (const block of this.blocks) {
      this.parts.push(`\nH${block.id}<${block.preds.map(({ id }) => id).join()}`);
      for (const [word, { moments, values }] of block.history ?? []) {
        const index = this.words.get(word);
        if (index !== undefined) this.parts.push(` ${index}:${values.map((v, i) => `${moments[i]}=${this.find(v).id}`).join()}`);
      }
      for (const [word, value] of block.entries ?? []) {
        const index = this.words.get(word);
        if (index !== undefined) this.parts.push(` ${index}?${this.find(value).id}`);
      }
    }
    return this.parts.join("");
  }
}
