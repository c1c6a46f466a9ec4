/**
 * Register allocation: liveness, interference, coalescing, colouring; spills and starts again until all have a place.
 *
 * Each round turns at least one register that is not a temporary into stack words, so the rounds end.
 */
import { assert } from "../../../base/assert.ts";
import type { Register } from "../../assembly.ts";
import type { Classes } from "./coalesce.ts";
import { Classes as NoClasses, coalesce } from "./coalesce.ts";
import { colour } from "./colour.ts";
import { buildInterference } from "./interference.ts";
import { Liveness } from "./liveness.ts";
import type { MachineFunction, MachineInsn, Reg } from "../machine.ts";
import { FIRST_VIRTUAL } from "../machine.ts";
import { CALLEE_SAVED, CALLER_SAVED } from "./registers.ts";
import { SpillState, findRemakes, rewriteSpills } from "./spill.ts";

export interface Allocation {
  /** Machine register of a register, or -1 - spill slot. */
  place(register: Reg): number;
  readonly spillSlots: number;
  /** Those of s1..s11 that hold something. */
  readonly calleeSaved: readonly Register[];
  /** Those that calls may change that hold something. */
  readonly callerSaved: readonly Register[];
}

/** Remaking a constant costs about half of a reload. */
const REMAKE_COST = 0.5;

export function allocateRegisters(fn: MachineFunction, options: { readonly coalesce: boolean }): Allocation {
  const spills = new SpillState();
  for (;;) {
    const liveness = new Liveness(fn, spills.isSpilled);
    const graph = buildInterference(fn, liveness, spills.isSpilled);
    const classes: Classes = options.coalesce ? coalesce(graph) : new NoClasses(graph.count);
    let known: Map<Reg, MachineInsn> | null = null;
    const remakes = (): Map<Reg, MachineInsn> => (known ??= findRemakes(fn));
    const isUnspillable = (node: Reg): boolean => spills.temporaries.has(node);
    const canRemake = (node: Reg): boolean => classes.members(node).length === 1 && remakes().has(node);
    const { registers, spilled } = colour(graph, classes, isUnspillable, (node) => (canRemake(node) ? REMAKE_COST : 1));
    if (spilled.length === 0) {
      return {
        place: (register) => placeOf(register, spills, registers, classes),
        spillSlots: spills.slotCount,
        calleeSaved: CALLEE_SAVED.filter((r) => registers.includes(r)),
        callerSaved: CALLER_SAVED.filter((r) => registers.includes(r)),
      };
    }
    const fresh = new Set<Reg>();
    for (const node of spilled) {
      const slot = canRemake(node) ? -1 : spills.slotCount++;
      for (const member of classes.members(node)) {
        fresh.add(member);
        if (slot >= 0) spills.slots.set(member, slot);
        else spills.remakes.set(member, remakes().get(member) as MachineInsn);
      }
    }
    rewriteSpills(fn, spills, fresh);
  }
}

function placeOf(register: Reg, spills: SpillState, registers: Int32Array, classes: Classes): number {
  if (register < FIRST_VIRTUAL) return register;
  const slot = spills.slots.get(register);
  if (slot !== undefined) return -1 - slot;
  const machineRegister = registers[classes.find(register)];
  assert(machineRegister >= 0, "allocate: a register has neither a machine register nor a spill slot");
  return machineRegister;
}
