/**
 * Where each variable of the source is, item by item of the emitted code: `AsmFunction.variables`.
 *
 *   before: item 7 (loc: i is v12), tracker of v12's register holds      after: i: items 7..9 in s1
 *
 * The location of an item says which values the variables have (`VariableScopes`), recipes how to get at a value, the
 * trackers which recipes hold there. Callers into which the item was inlined are shown as they were at the call.
 */
import type { AsmFunction, PlacedVariable, VariableRange, VariableWord } from "../../assembly.ts";
import type { LocalVariable, LocationId, VariableScopes, VisibleVariable } from "../../ir.ts";
import type { Allocation } from "../allocate/allocate.ts";
import type { Frame } from "../frame.ts";
import type { MachineBlock, MachineEnd, MachineFunction, MachineInsn, Reg } from "../machine.ts";
import { forEachDef, writesEarly } from "../machine.ts";
import { Availability } from "./availability.ts";
import type { Holding } from "./availability.ts";
import { Recipes } from "./recipes.ts";
import type { Home, Recipe } from "./recipes.ts";

/** What holds while an item begins and while it runs; `memory`: the frame is still there. */
interface State {
  readonly before: Holding;
  readonly during: Holding;
  readonly memory: boolean;
}

interface Shown {
  readonly index: number;
  /** Per word, what to try. */
  readonly words: readonly (readonly Recipe[])[];
}

interface Open {
  readonly from: number;
  readonly recipes: readonly Recipe[];
}

export class VariableRecorder {
  readonly #source: VariableScopes;
  readonly #fn: MachineFunction;
  readonly #recipes: Recipes;
  readonly #availability: Availability;
  readonly #shown = new Map<LocationId, readonly Shown[]>();
  readonly #indices = new Map<LocalVariable, number>();
  readonly #found: { variable: VisibleVariable; ranges: VariableRange[] }[] = [];
  readonly #open = new Map<number, Open>();
  readonly #seen = new Set<number>();
  /** What the last item showed; the next may show the same. */
  #last: { readonly list: readonly Shown[]; readonly before: Holding; readonly memory: boolean } | null = null;
  #holding: Holding;
  #item = 0;

  constructor(source: VariableScopes, fn: MachineFunction, allocation: Allocation, frame: Frame) {
    this.#source = source;
    this.#fn = fn;
    const homes = findHomes(fn, allocation, frame);
    this.#recipes = new Recipes(
      fn.source, (value) => fn.registers[value.id] ?? 0, (register) => homes.get(register) ?? null,
      (slot) => frame.slots[slot] - frame.bytes,
    );
    for (const loc of locationsOf(fn)) this.#at(loc);
    this.#availability = new Availability(fn, this.#recipes.tracked, (register) => allocation.place(register));
    this.#holding = this.#availability.before(fn.blocks[0]);
  }

  /** The items of the prologue. */
  prologue(count: number): void {
    const state = { before: this.#holding, during: this.#holding, memory: true };
    for (let i = 0; i < count; i++) this.#step(this.#fn.source.loc, state, null);
  }

  beginBlock(block: MachineBlock): void {
    this.#holding = this.#availability.before(block);
  }

  /** The items that an instruction became; `call` is the one that calls. Labels count. */
  insn(insn: MachineInsn, count: number, call: number): void {
    if (this.#holding.length === 0) return this.#still(insn, count, call);
    const during = this.#holding.slice();
    this.#availability.forget(insn, during);
    const first = writesEarly(insn) ? during : this.#holding;
    for (let i = 0; i < count; i++) {
      const before = i === 0 ? first : during;
      this.#step(insn.loc, { before, during, memory: true }, i === call ? "call" : "first");
    }
    const after = this.#holding.slice();
    this.#availability.step(insn, after);
    this.#holding = after;
  }

  /** Nothing is tracked: everything is constant or on the frame. */
  #still(insn: MachineInsn, count: number, call: number): void {
    const state = { before: this.#holding, during: this.#holding, memory: true };
    for (let i = 0; i < count; i++) this.#step(insn.loc, state, i === call ? "call" : "first");
  }

  end(end: MachineEnd, count: number): void {
    const during = this.#holding.slice();
    this.#availability.forgetAtEnd(end, during);
    for (let i = 0; i < count; i++) {
      const memory = !(end.kind === "return" && i === count - 1 && count > 1);
      this.#step(end.loc, { before: i === 0 ? this.#holding : during, during, memory }, null);
    }
  }

  label(): void {
    this.#item++;
  }

  /** `indices`: the final index of each item. */
  finish(indices: Int32Array): Pick<AsmFunction, "variables" | "scopes"> {
    for (const index of [...this.#open.keys()]) this.#close(index, this.#item, "start");
    const variables = this.#found.map(({ variable, ranges }): PlacedVariable => {
      const { variable: local, size, scope } = variable;
      const final = ranges.map((range) => ({ ...range, from: indices[range.from], to: indices[range.to] }));
      return { ...local, size, scope, ranges: final };
    });
    const of: { loc: LocationId; scope: number }[] = [];
    for (const loc of this.#shown.keys()) {
      const scope = this.#source.scopeOf(loc);
      if (scope >= 0) of.push({ loc, scope });
    }
    return { variables, scopes: { parents: this.#source.parents, of } };
  }

  /** Everything that can be named at a location, callers included. */
  #at(loc: LocationId): readonly Shown[] {
    let list = this.#shown.get(loc);
    if (!list) {
      const call = loc === 0 ? 0 : this.#source.inlinedAt(loc);
      const own = this.#source.variablesAt(loc).map((visible) => this.#show(visible));
      list = call === 0 ? own : [...own, ...this.#at(call)];
      this.#shown.set(loc, list);
    }
    return list;
  }

  #show(visible: VisibleVariable): Shown {
    let index = this.#indices.get(visible.variable);
    if (index === undefined) {
      index = this.#found.length;
      this.#indices.set(visible.variable, index);
      this.#found.push({ variable: visible, ranges: [] });
    }
    const { words } = visible;
    if (typeof words === "number") return { index, words: [[this.#recipes.slot(words)]] };
    return { index, words: words.map((word) => (word ? this.#recipes.of(word) : [])) };
  }

  #step(loc: LocationId, { before, during, memory }: State, cut: "call" | "first" | null): void {
    const item = this.#item++;
    const list = this.#at(loc);
    const last = this.#last;
    const isSame = last !== null && last.list === list && last.memory === memory && sameHolding(last.before, before);
    if (isSame && (cut === null || sameHolding(before, during))) return;
    this.#last = { list, before, memory };
    const seen = this.#seen;
    seen.clear();
    for (const { index, words } of list) {
      const chosen = choose(words, before, memory);
      if (chosen === null) continue;
      seen.add(index);
      const open = this.#open.get(index);
      if (open && !sameWords(open.recipes, chosen)) this.#close(index, item, "start");
      if (!open || !sameWords(open.recipes, chosen)) this.#open.set(index, { from: item, recipes: chosen });
    }
    for (const [index, { recipes }] of this.#open) {
      if (!seen.has(index)) this.#close(index, item, "start");
      else if (cut !== null && before !== during && !recipes.every((recipe) => holds(recipe, during, memory))) {
        this.#close(index, item, cut);
        this.#last = null;
      }
    }
  }

  #close(index: number, to: number, end: VariableRange["end"]): void {
    const { from, recipes } = this.#open.get(index) as Open;
    this.#open.delete(index);
    if (from === to && end === "start") return;
    this.#found[index].ranges.push({ from, to, end, words: recipes.map(({ word }) => word) });
  }
}

function locationsOf(fn: MachineFunction): Set<LocationId> {
  const locations = new Set<LocationId>([fn.source.loc]);
  for (const block of fn.blocks) {
    for (const insn of block.insns) locations.add(insn.loc);
    locations.add(block.end.loc);
  }
  return locations;
}

/** Where registers that are written somewhere live. */
function findHomes(fn: MachineFunction, allocation: Allocation, frame: Frame): Map<Reg, Home> {
  const homes = new Map<Reg, Home>();
  const add = (register: Reg): void => {
    const place = allocation.place(register);
    homes.set(register, place >= 0 ? { register: place } : { memory: frame.spills[-1 - place] - frame.bytes });
  };
  for (const block of fn.blocks) {
    for (const insn of block.insns) {
      forEachDef(insn, add);
      if (insn.kind === "spill") add(insn.rs4);
    }
  }
  return homes;
}

function holds(recipe: Recipe, holding: Holding, memory: boolean): boolean {
  for (const t of recipe.trackers) if ((holding[t >>> 5] & (1 << (t & 31))) === 0) return false;
  return memory || !recipe.usesMemory;
}

function sameHolding(a: Holding, b: Holding): boolean {
  if (a === b) return true;
  for (let w = 0; w < a.length; w++) if (a[w] !== b[w]) return false;
  return true;
}

/** A recipe for each word, or null when one has none. */
function choose(words: readonly (readonly Recipe[])[], holding: Holding, memory: boolean): Recipe[] | null {
  const chosen: Recipe[] = [];
  for (const recipes of words) {
    const recipe = recipes.find((r) => holds(r, holding, memory));
    if (!recipe) return null;
    chosen.push(recipe);
  }
  return chosen.length > 0 ? chosen : null;
}

function sameWords(a: readonly Recipe[], b: readonly Recipe[]): boolean {
  return a.every((recipe, i) => recipe === b[i] || sameWord(recipe.word, b[i].word));
}

function sameWord(a: VariableWord, b: VariableWord): boolean {
  if (a.kind === "register") return b.kind === "register" && a.register === b.register;
  if (a.kind === "memory") return b.kind === "memory" && a.offset === b.offset;
  return b.kind === "value" && JSON.stringify(a.expression) === JSON.stringify(b.expression);
}
