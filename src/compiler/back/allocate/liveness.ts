/**
 * Which virtual registers are live where, as one bit set a block, by iterating backwards until nothing changes.
 *
 * Registers that were spilled are not tracked: they live in memory.
 */
import type { MachineBlock, MachineFunction, MachineInsn, Reg } from "../machine.ts";
import { forEachDef, forEachEndUse, forEachUse, machineSuccessors } from "../machine.ts";

/** A set of registers that is cheap to clear, to change and to walk. */
export class LiveSet {
  readonly dense: Int32Array;
  readonly #place: Int32Array;
  size = 0;

  constructor(capacity: number) {
    this.dense = new Int32Array(capacity);
    this.#place = new Int32Array(capacity);
  }

  has(register: Reg): boolean {
    const place = this.#place[register];
    return place < this.size && this.dense[place] === register;
  }

  add(register: Reg): void {
    if (this.has(register)) return;
    this.#place[register] = this.size;
    this.dense[this.size++] = register;
  }

  delete(register: Reg): void {
    if (!this.has(register)) return;
    const place = this.#place[register];
    const last = this.dense[--this.size];
    this.dense[place] = last;
    this.#place[last] = place;
  }

  clear(): void {
    this.size = 0;
  }
}

export class Liveness {
  readonly #words: number;
  readonly #ins = new Map<MachineBlock, Uint32Array>();
  readonly #fn: MachineFunction;
  readonly #isSpilled: (register: Reg) => boolean;

  constructor(fn: MachineFunction, isSpilled: (register: Reg) => boolean) {
    this.#fn = fn;
    this.#isSpilled = isSpilled;
    this.#words = (fn.registerCount + 31) >>> 5;
    this.#solve();
  }

  /** Fills `live` with what is live at the end of the block, before its terminator's own uses. */
  liveOut(block: MachineBlock, live: LiveSet): void {
    live.clear();
    for (const next of machineSuccessors(block.end)) {
      const bits = this.#ins.get(next) as Uint32Array;
      for (let w = 0; w < bits.length; w++) {
        for (let rest = bits[w]; rest !== 0; rest &= rest - 1) live.add((w << 5) + 31 - Math.clz32(rest & -rest));
      }
    }
  }

  /** Takes `live` from after the instruction to before it. */
  stepBack(insn: MachineInsn, live: LiveSet): void {
    forEachDef(insn, (register) => live.delete(register));
    forEachUse(insn, (register) => {
      if (!this.#isSpilled(register)) live.add(register);
    });
  }

  /** Adds what the terminator reads. */
  addEndUses(block: MachineBlock, live: LiveSet): void {
    forEachEndUse(block.end, (register) => {
      if (!this.#isSpilled(register)) live.add(register);
    });
  }

  #solve(): void {
    const { blocks } = this.#fn;
    const uses = new Map<MachineBlock, Uint32Array>();
    const defs = new Map<MachineBlock, Uint32Array>();
    for (const block of blocks) {
      const [use, def] = this.#summary(block);
      uses.set(block, use);
      defs.set(block, def);
      this.#ins.set(block, use.slice());
    }
    for (let changed = true; changed;) {
      changed = false;
      for (let i = blocks.length - 1; i >= 0; i--) {
        const block = blocks[i];
        const into = this.#ins.get(block) as Uint32Array;
        const def = defs.get(block) as Uint32Array;
        for (const next of machineSuccessors(block.end)) {
          const from = this.#ins.get(next) as Uint32Array;
          for (let w = 0; w < into.length; w++) {
            const bits = into[w] | (from[w] & ~def[w]);
            if (bits !== (into[w] | 0)) {
              into[w] = bits;
              changed = true;
            }
          }
        }
      }
    }
  }

  /** Registers read before they are written in the block, and registers written. */
  #summary(block: MachineBlock): [Uint32Array, Uint32Array] {
    const use = new Uint32Array(this.#words);
    const def = new Uint32Array(this.#words);
    const read = (register: Reg): void => {
      if (!this.#isSpilled(register)) use[register >>> 5] |= 1 << (register & 31);
    };
    forEachEndUse(block.end, read);
    for (let i = block.insns.length - 1; i >= 0; i--) {
      forEachDef(block.insns[i], (register) => {
        use[register >>> 5] &= ~(1 << (register & 31));
        def[register >>> 5] |= 1 << (register & 31);
      });
      forEachUse(block.insns[i], read);
    }
    return [use, def];
  }
}
