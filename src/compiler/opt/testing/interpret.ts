/** Runs an IR function in a World: the reference that passes and code generation are compared with. */
import type { Block, IrFunction, Value } from "../../ir.ts";
import { foldBinary, foldCondition } from "../../front/fold.ts";
import type { World } from "./world.ts";
import { PER_CPU_START, STACK_TOP } from "./world.ts";

const STEPS_MAX = 100_000;

/** The words returned, or null when it ran too long. */
export function interpret(fn: IrFunction, args: readonly number[], world: World): number[] | null {
  const words = new Map<Value, number>();
  const second = new Map<Value, number>();
  let top = STACK_TOP;
  const slots = fn.frame.map(({ size, align }) => (top = (top - size) & -align));
  const get = (value: Value): number => words.get(value) ?? missing(value);
  let block = fn.blocks[0];
  let from: Block | null = null;
  for (let steps = 0; steps < STEPS_MAX; steps++) {
    const phis = block.values.filter((v) => v.op === "phi");
    if (from !== null && phis.length > 0) {
      const edge = block.preds.indexOf(from);
      const values = phis.map((phi) => get(phi.args[edge]));
      phis.forEach((phi, i) => words.set(phi, values[i]));
    }
    for (const value of block.values) {
      if (value.op !== "phi") words.set(value, step(value, get, world, slots, args, second));
    }
    const { end } = block;
    from = block;
    switch (end.kind) {
      case "return": return end.args.map(get);
      case "jump": block = end.target; break;
      case "branch": {
        const taken = foldCondition(end.condition, get(end.args[0]), get(end.args[1]));
        block = taken ? end.then : end.else;
        break;
      }
      case "switch": block = end.targets[end.table[get(end.args[0]) >>> 0]]; break;
      case "unreachable": throw new Error("interpret: unreachable");
    }
  }
  return null;
}

function missing(value: Value): never {
  throw new Error(`interpret: v${value.id} (${value.op}) is used before it is computed`);
}

function step(
  value: Value, get: (v: Value) => number, world: World, slots: readonly number[], args: readonly number[],
  second: Map<Value, number>,
): number {
  const a = value.args.map(get);
  switch (value.op) {
    case "const": return value.x.value;
    case "symbol": return (world.symbol(value.x.name) + value.x.offset) | 0;
    case "frame": return slots[value.x.slot] + value.x.offset;
    case "param": return args[value.x.index];
    case "percpu": return world.tp + world.symbol(value.x.name) - PER_CPU_START + value.x.offset;
    case "binary": return foldBinary(value.x.op, a[0], a[1]);
    case "load": {
      const word = world.load(a[0] + value.x.offset, value.x.width, value.x.signed);
      if (value.x.access === "once") world.volatile.push("load");
      return word;
    }
    case "store":
      if (value.x.access === "once") world.volatile.push("store");
      world.store(a[0] + value.x.offset, value.x.width, a[1]);
      return 0;
    case "call": {
      const [low, high] = value.x.target === null
        ? world.callAddress(a[a.length - 1], a.slice(0, -1))
        : world.call(value.x.target, a);
      second.set(value, high);
      return low;
    }
    case "result1": return second.get(value.args[0]) ?? 0;
    case "amo": {
      const old = world.load(a[0], 4, true);
      world.event(`amo${value.x.op} ${a[1]}`);
      world.store(a[0], 4, value.x.op === "add" ? (old + a[1]) | 0 : a[1]);
      return old;
    }
    case "cmpxchg": {
      const old = world.load(a[0], 4, true);
      if (old === a[1]) world.store(a[0], 4, a[2]);
      return old;
    }
    case "csr": return world.event(`csr${value.x.op} ${value.x.csr} ${a[0]}`);
    case "mark": world.event(`mark ${value.x.event} ${a.join(" ")}`); return 0;
    case "fence": world.event("fence"); return 0;
    case "barrier": return 0;
    default: throw new Error(`interpret: ${value.op}`);
  }
}
