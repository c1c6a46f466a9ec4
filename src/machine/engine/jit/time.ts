/** `time` (emit-interpreter.ts) inside a region, where several instructions are paid for at once. */
import { get, i32, i64, sequence, set } from "../../../isa/wasm/code.ts";
import type { Local, Node, Value } from "../../../isa/wasm/code.ts";
import type { Timing } from "../../types.ts";

const RETIRED = 2 ** 32;

/** What has been executed and not been paid for yet. */
export interface Debt {
  readonly retired: number;
  readonly cycles: number;
}
export const NO_DEBT: Debt = { retired: 0, cycles: 0 };
export const addDebt = (a: Debt, b: Debt): Debt => ({ retired: a.retired + b.retired, cycles: a.cycles + b.cycles });

export class RegionTime {
  readonly local: Local;
  readonly timing: Timing;

  constructor(local: Local, timing: Timing) {
    this.local = local;
    this.timing = timing;
  }
  pay(debt: Debt): Node {
    if (debt.cycles === 0) return sequence();
    if (this.timing === "functional") return set(this.local, i32.sub(get(this.local), debt.cycles));
    return set(this.local, i64.add(get(this.local), debt.retired * RETIRED + debt.cycles));
  }
  /** Cycle mode: time that passes beside. */
  penalty(cycles: Value): Node {
    return set(this.local, i64.add(get(this.local), i64.extendU(cycles)));
  }
  /** Cycles left once `debt` is paid. */
  left(debt: Debt): Value {
    if (this.timing === "functional") return i32.sub(get(this.local), debt.cycles);
    return i32.sub(-debt.cycles, i32.wrap(get(this.local)));
  }
  isLessThan(cycles: number): Value {
    if (this.timing === "functional") return i32.ltS(get(this.local), cycles);
    return i32.gtS(i32.wrap(get(this.local)), -cycles);
  }
}
