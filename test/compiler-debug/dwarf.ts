/**
 * A reader of DWARF 4 as a debugger reads it: which functions, inlined calls and blocks are around an address, and what a
 * location says with given registers and memory. Independent of the writer: it knows only the standard's numbers.
 */
import type { ReadElf } from "../../src/compiler/link/elf-reader.ts";

interface Attribute {
  readonly attribute: number;
  readonly form: number;
}
interface Entry {
  readonly tag: number;
  readonly at: number;
  readonly values: ReadonlyMap<number, number | Uint8Array>;
  readonly children: Entry[];
}

const TAG = { formal: 0x05, block: 0x0b, inlined: 0x1d, subprogram: 0x2e, variable: 0x34 };
const AT = { name: 0x03, size: 0x0b, low: 0x11, high: 0x12, location: 0x02, origin: 0x31, type: 0x49, ranges: 0x55 };

/** One word of state as a debugger sees it in some frame. */
export interface FrameState {
  /** Null: the callee may have changed it. */
  register(n: number): number | null;
  readonly cfa: number;
  load(address: number, bytes: number): bigint;
}

export interface ShownVariable {
  readonly name: string;
  readonly value: bigint | null;
}
/** A function, real or inlined, and what it declares around the address; innermost first. */
export interface ShownLevel {
  readonly name: string;
  readonly variables: readonly ShownVariable[];
}

class Cursor {
  at: number;
  readonly view: DataView;
  constructor(bytes: Uint8Array, at = 0) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }
  u8(): number {
    return this.view.getUint8(this.at++);
  }
  u16(): number {
    return this.view.getUint16((this.at += 2) - 2, true);
  }
  u32(): number {
    return this.view.getUint32((this.at += 4) - 4, true);
  }
  leb(signed: boolean): number {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(this.u8());
      value |= (byte & 0x7fn) << shift;
      if (byte & 0x80n) continue;
      return Number(signed ? BigInt.asIntN(Number(shift) + 7, value) : value);
    }
  }
  bytes(count: number): Uint8Array {
    this.at += count;
    return new Uint8Array(this.view.buffer, this.view.byteOffset + this.at - count, count);
  }
}

export class Dwarf {
  readonly #elf: ReadElf;
  readonly #byOffset = new Map<number, Entry>();
  readonly #functions: Entry[];

  constructor(elf: ReadElf) {
    this.#elf = elf;
    const abbreviations = readAbbreviations(elf.section(".debug_abbrev").bytes);
    const c = new Cursor(elf.section(".debug_info").bytes, 11);
    const unit = this.#entry(c, abbreviations);
    this.#functions = unit!.children.filter(({ tag, values }) => tag === TAG.subprogram && values.has(AT.low));
  }

  #entry(c: Cursor, abbreviations: ReadonlyMap<number, { tag: number; children: boolean; attributes: Attribute[] }>): Entry | null {
    const { at } = c;
    const code = c.leb(false);
    if (code === 0) return null;
    const { tag, children, attributes } = abbreviations.get(code)!;
    const values = new Map<number, number | Uint8Array>();
    for (const { attribute, form } of attributes) values.set(attribute, readForm(c, form));
    const entry: Entry = { tag, at, values, children: [] };
    this.#byOffset.set(at, entry);
    if (children) for (let child = this.#entry(c, abbreviations); child; child = this.#entry(c, abbreviations)) entry.children.push(child);
    return entry;
  }

  #name(entry: Entry): string {
    const origin = entry.values.get(AT.origin);
    if (origin !== undefined) return this.#name(this.#byOffset.get(origin as number)!);
    const { bytes } = this.#elf.section(".debug_str");
    const at = entry.values.get(AT.name) as number;
    return new TextDecoder().decode(bytes.subarray(at, bytes.indexOf(0, at)));
  }

  #covers(entry: Entry, pc: number): boolean {
    const low = entry.values.get(AT.low) as number | undefined;
    if (low !== undefined) return pc >= low && pc < low + (entry.values.get(AT.high) as number);
    const c = new Cursor(this.#elf.section(".debug_ranges").bytes, entry.values.get(AT.ranges) as number);
    for (;;) {
      const [start, end] = [c.u32(), c.u32()];
      if (start === 0 && end === 0) return false;
      if (pc >= start && pc < end) return true;
    }
  }

  /** What a debugger shows for a frame that stands at `pc`. */
  levels(pc: number, state: FrameState): ShownLevel[] {
    const levels: ShownLevel[] = [];
    let at: Entry | undefined = this.#functions.find((entry) => this.#covers(entry, pc));
    let variables: ShownVariable[] = [];
    while (at) {
      if (at.tag !== TAG.block) levels.unshift({ name: this.#name(at), variables: (variables = []) });
      for (const child of at.children) {
        if (child.tag === TAG.formal || child.tag === TAG.variable)
          variables.unshift({ name: this.#name(child), value: this.#value(child, pc, state) });
      }
      const inner: Entry[] = at.children.filter((child) => (child.tag === TAG.block || child.tag === TAG.inlined) && this.#covers(child, pc));
      if (inner.length > 1) throw new Error(`two blocks overlap at ${pc.toString(16)}`);
      at = inner[0];
    }
    return levels;
  }

  #value(entry: Entry, pc: number, state: FrameState): bigint | null {
    const list = entry.values.get(AT.location) as number | undefined;
    if (list === undefined) return null;
    const type = this.#byOffset.get(entry.values.get(AT.type) as number)!;
    const size = (type.values.get(AT.size) as number | undefined) ?? 4;
    const c = new Cursor(this.#elf.section(".debug_loc").bytes, list);
    let found: bigint | null = null;
    for (let count = 0; ; ) {
      const [start, end] = [c.u32(), c.u32()];
      if (start === 0 && end === 0) return found;
      const expression = c.bytes(c.u16());
      if (pc < start || pc >= end) continue;
      if (++count > 1) throw new Error(`two places for one variable at ${pc.toString(16)}`);
      found = evaluate(new Cursor(expression), expression.length, size, state);
    }
  }
}

function readAbbreviations(bytes: Uint8Array) {
  const c = new Cursor(bytes);
  const found = new Map<number, { tag: number; children: boolean; attributes: Attribute[] }>();
  for (let code = c.leb(false); code !== 0; code = c.leb(false)) {
    const shape = { tag: c.leb(false), children: c.u8() === 1, attributes: [] as Attribute[] };
    for (;;) {
      const [attribute, form] = [c.leb(false), c.leb(false)];
      if (attribute === 0) break;
      shape.attributes.push({ attribute, form });
    }
    found.set(code, shape);
  }
  return found;
}

function readForm(c: Cursor, form: number): number | Uint8Array {
  switch (form) {
    case 0x01: case 0x06: case 0x0e: case 0x13: case 0x17: return c.u32();
    case 0x05: return c.u16();
    case 0x0b: return c.u8();
    case 0x0f: return c.leb(false);
    case 0x18: return c.bytes(c.leb(false));
    case 0x19: return 1;
    default: throw new Error(`form ${form}`);
  }
}

/** Null when a register is asked for that the frame does not know. */
function evaluate(c: Cursor, length: number, size: number, state: FrameState): bigint | null {
  const stack: number[] = [];
  let value = 0n;
  let bits = 0n;
  let simple: bigint | null | undefined;
  const register = (n: number): number => {
    const word = state.register(n);
    if (word === null) throw new Error(`a location names register ${n}, which a callee may have changed`);
    return word;
  };
  while (c.at < length) {
    const op = c.u8();
    const two = (f: (a: number, b: number) => number): void => {
      const [b, a] = [stack.pop()!, stack.pop()!];
      stack.push(f(a, b) | 0);
    };
    if (op >= 0x30 && op < 0x50) stack.push(op - 0x30);
    else if (op >= 0x50 && op < 0x70) simple = BigInt.asUintN(32, BigInt(register(op - 0x50)));
    else if (op >= 0x70 && op < 0x90) stack.push(register(op - 0x70) + c.leb(true));
    else
      switch (op) {
        case 0x03: case 0x0c: stack.push(c.u32() | 0); break;
        case 0x06: stack.push(Number(BigInt.asIntN(32, state.load(stack.pop()! >>> 0, 4)))); break;
        case 0x08: stack.push(c.u8()); break;
        case 0x1a: two((a, b) => a & b); break;
        case 0x1c: two((a, b) => a - b); break;
        case 0x1e: two(Math.imul); break;
        case 0x21: two((a, b) => a | b); break;
        case 0x22: two((a, b) => a + b); break;
        case 0x24: two((a, b) => a << b); break;
        case 0x25: two((a, b) => a >>> b); break;
        case 0x26: two((a, b) => a >> b); break;
        case 0x27: two((a, b) => a ^ b); break;
        case 0x2d: two((a, b) => Number(a < b)); break;
        case 0x91: stack.push((state.cfa + c.leb(true)) | 0); break;
        case 0x93: {
          const bytes = c.leb(false);
          const part = simple ?? state.load(stack.pop()! >>> 0, bytes);
          value |= BigInt.asUintN(8 * bytes, part) << bits;
          bits += BigInt(8 * bytes);
          simple = undefined;
          break;
        }
        case 0x9f: simple = BigInt.asUintN(32, BigInt(stack.pop()!)); break;
        default: throw new Error(`operation ${op.toString(16)}`);
      }
  }
  if (bits === 0n) value = simple ?? state.load(stack.pop()! >>> 0, size);
  return BigInt.asUintN(8 * size, value);
}
