/**
 * How a debugger can get at a value of the source after all passes: in a register or stack word while that still holds it,
 * or computed from others that are still there.
 *
 *   v3 = add v1, 4, where passes have dropped v3     ->   contents of v1's register + 4
 *
 * A recipe asks for numbered trackers (`availability.ts`): it holds where all of them do. What passes replaced is followed
 * to what it equals (`IrFunction.aliases`); a phi that some way goes around (`bypassed`) may hold an old value and is none.
 */
import type { DebugOperation, DebugOperator, VariableWord } from "../../assembly.ts";
import type { BinaryOp, IrFunction, Value } from "../../ir.ts";
import type { Reg } from "../machine.ts";
import { ARGUMENT_REGISTERS } from "../allocate/registers.ts";

/** A stack word by its distance from the CFA, or a machine register. */
export type Home = { readonly register: number } | { readonly memory: number };

export interface Recipe {
  readonly trackers: readonly number[];
  readonly word: VariableWord;
  /** Reads the frame. */
  readonly usesMemory: boolean;
}

/** What is watched on its way through the code: a virtual register, or an argument register as it came in. */
export type Tracked = { readonly reg: Reg } | { readonly incoming: number };

const DEPTH_MAX = 3;
const RECIPES_MAX = 4;
/** Operations that mean the same to DWARF's 32-bit stack; shifts only by constants. */
const OPERATIONS: Partial<Record<BinaryOp, DebugOperator>> = {
  add: "plus", sub: "minus", mul: "mul", and: "and", or: "or", xor: "xor", sll: "shl", srl: "shr", sra: "shra", slt: "lt",
};

export class Recipes {
  readonly tracked: Tracked[] = [];
  readonly #fn: IrFunction;
  readonly #registerOf: (value: Value) => Reg;
  readonly #homeOf: (register: Reg) => Home | null;
  readonly #slotAt: (slot: number) => number;
  readonly #known = new Map<Value, readonly Recipe[]>();
  readonly #trackers = new Map<string, number>();

  /** `homeOf`: where a virtual register lives, null for nowhere; `slotAt`: a slot's distance from the CFA. */
  constructor(
    fn: IrFunction, registerOf: (value: Value) => Reg, homeOf: (register: Reg) => Home | null, slotAt: (slot: number) => number,
  ) {
    this.#fn = fn;
    this.#registerOf = registerOf;
    this.#homeOf = homeOf;
    this.#slotAt = slotAt;
  }

  /** A variable on the frame. */
  slot(slot: number): Recipe {
    return recipe([], { kind: "memory", offset: this.#slotAt(slot) });
  }

  /** The best first. */
  of(value: Value): readonly Recipe[] {
    return this.#of(value, 0);
  }

  #of(source: Value, depth: number): readonly Recipe[] {
    const value = this.#current(source);
    if (value === null) return [];
    const known = this.#known.get(value);
    if (known) return known;
    const found = this.#find(value, depth);
    // What was cut off at the limit of depth may be found from elsewhere.
    if (depth === 0) this.#known.set(value, found);
    return found;
  }

  #current(source: Value): Value | null {
    const { aliases, bypassed } = this.#fn;
    let value = source;
    for (;;) {
      if (bypassed?.has(value)) return null;
      const next = aliases?.get(value);
      if (next === undefined) return value;
      value = next;
    }
  }

  #find(value: Value, depth: number): Recipe[] {
    switch (value.op) {
      case "const": return [computed([], [{ op: "const", value: value.x.value }])];
      case "symbol": return [computed([], [{ op: "address", symbol: value.x.name, addend: value.x.offset }])];
      case "frame": return [computed([], [{ op: "frame", offset: this.#slotAt(value.x.slot) + value.x.offset }])];
    }
    const found: Recipe[] = [];
    const register = this.#registerOf(value);
    if (register > 0) {
      const home = this.#homeOf(register);
      if (home) found.push(recipe([this.#tracker(`r${register}`, { reg: register })], wordAt(home)));
    }
    if (value.op === "param") found.push(this.#incoming(value.x.index));
    if (value.op === "binary" && depth < DEPTH_MAX) found.push(...this.#computed(value.x.op, value.args, depth));
    return found.slice(0, RECIPES_MAX);
  }

  /** Words behind the argument registers stay on the caller's frame. */
  #incoming(index: number): Recipe {
    const register = ARGUMENT_REGISTERS[index];
    if (register === undefined) return recipe([], { kind: "memory", offset: 4 * (index - ARGUMENT_REGISTERS.length) });
    return recipe([this.#tracker(`a${index}`, { incoming: register })], { kind: "register", register });
  }

  #tracker(key: string, tracked: Tracked): number {
    let index = this.#trackers.get(key);
    if (index === undefined) {
      index = this.tracked.length;
      this.tracked.push(tracked);
      this.#trackers.set(key, index);
    }
    return index;
  }

  #computed(op: BinaryOp, [left, right]: readonly Value[], depth: number): Recipe[] {
    const operation = OPERATIONS[op];
    if (operation === undefined) return [];
    const found: Recipe[] = [];
    const by = this.#current(right);
    const shift = op === "sll" || op === "srl" || op === "sra";
    if (shift && by?.op !== "const") return found;
    const rights = shift && by?.op === "const"
      ? [computed([], [{ op: "const", value: by.x.value & 31 }])]
      : this.#of(right, depth + 1);
    for (const a of this.#of(left, depth + 1)) {
      for (const b of rights) {
        found.push(computed([...a.trackers, ...b.trackers], [...operations(a.word), ...operations(b.word), { op: operation }]));
      }
    }
    return found;
  }
}

function computed(trackers: readonly number[], expression: readonly DebugOperation[]): Recipe {
  return recipe(trackers, { kind: "value", expression });
}

function recipe(trackers: readonly number[], word: VariableWord): Recipe {
  const usesMemory = word.kind === "memory" || (word.kind === "value" && word.expression.some(({ op }) => op === "load"));
  return { trackers, word, usesMemory };
}

function wordAt(home: Home): VariableWord {
  return "register" in home ? { kind: "register", register: home.register } : { kind: "memory", offset: home.memory };
}

function operations(word: VariableWord): readonly DebugOperation[] {
  switch (word.kind) {
    case "register": return [{ op: "register", register: word.register }];
    case "memory": return [{ op: "load", offset: word.offset }];
    case "value": return word.expression;
  }
}
