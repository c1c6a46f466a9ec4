/**
 * What programs under test run in, be they IR or assembly: memory, symbols, functions that do something visible, CSRs.
 *
 * Everything that happens is written into `trace`; two forms of one program must leave the same trace and memory.
 * A call also moves the task to another CPU (tp) and writes to static memory, as a careless pass would not expect.
 */
export const MEMORY_BASE = 0x10000;
export const MEMORY_BYTES = 0x10000;
/** Symbols d0, d1 ... of 64 bytes each. */
export const STATIC_BYTES = 64;
export const STATIC_COUNT = 4;
export const STACK_TOP = MEMORY_BASE + MEMORY_BYTES - 0x400;
export const CPU_COUNT = 4;
const FUNCTION_BASE = 0x4000;
const FUNCTION_COUNT = 4;
export const PER_CPU_BASE = MEMORY_BASE + 0x1000;
const PER_CPU_BYTES = 0x100;
export const PER_CPU_START = 0x2000;
const VISIBLE_BYTES = PER_CPU_BASE - MEMORY_BASE + CPU_COUNT * PER_CPU_BYTES;

export class World {
  readonly trace: string[] = [];
  /** Volatile accesses, which assembly cannot tell from others. */
  readonly volatile: string[] = [];
  /** Argument words of each call. */
  readonly arities: number[] = [];
  readonly bytes = new Uint8Array(MEMORY_BYTES);
  readonly view = new DataView(this.bytes.buffer);
  tp = PER_CPU_BASE;
  /** Instructions that assembly executed. */
  instructions = 0;
  #events = 0;

  constructor(seed: number) {
    for (let i = 0; i < VISIBLE_BYTES; i++) {
      this.bytes[i] = mix(seed, i);
    }
  }

  /** Address of d<n>, f<n>, pc<n> (inside the per-CPU image) or __per_cpu_start. */
  symbol(name: string): number {
    if (name === "__per_cpu_start") return PER_CPU_START;
    const index = Number(/\d+$/.exec(name)?.[0] ?? NaN);
    if (name.startsWith("pc")) return PER_CPU_START + 16 * index;
    if (name.startsWith("d")) return MEMORY_BASE + STATIC_BYTES * index;
    if (name.startsWith("f")) return FUNCTION_BASE + 16 * index;
    throw new Error(`world: no symbol ${name}`);
  }

  call(name: string, args: readonly number[]): [number, number] {
    this.trace.push(`${name}(${args.join(", ")})`);
    this.arities.push(args.length);
    let hash = ++this.#events;
    for (const arg of args) hash = mix(hash, arg);
    this.view.setInt32((hash >>> 4) % (STATIC_COUNT * STATIC_BYTES / 4) * 4, hash, true);
    this.tp = PER_CPU_BASE + (((hash >>> 2) % CPU_COUNT) * PER_CPU_BYTES);
    return [hash, mix(hash, 1)];
  }

  callAddress(address: number, args: readonly number[]): [number, number] {
    const index = (address - FUNCTION_BASE) / 16;
    if (!Number.isInteger(index) || index < 0 || index >= FUNCTION_COUNT) throw new Error(`world: call to ${address}`);
    return this.call(`f${index}`, args);
  }

  /** Something visible other than a call; the result is what it reads, if anything. */
  event(what: string): number {
    this.trace.push(what);
    return mix(++this.#events, what.length);
  }

  load(address: number, width: number, signed: boolean): number {
    const at = this.#at(address, width);
    if (width === 4) return this.view.getInt32(at, true);
    if (width === 2) return signed ? this.view.getInt16(at, true) : this.view.getUint16(at, true);
    return signed ? this.view.getInt8(at) : this.view.getUint8(at);
  }

  store(address: number, width: number, value: number): void {
    const at = this.#at(address, width);
    if (width === 4) this.view.setInt32(at, value, true);
    else if (width === 2) this.view.setInt16(at, value, true);
    else this.view.setInt8(at, value);
  }

  /** Static and per-CPU memory, for comparison. */
  visibleMemory(): string {
    return Array.from(this.bytes.subarray(0, VISIBLE_BYTES), (byte) => byte.toString(16)).join(" ");
  }

  #at(address: number, width: number): number {
    const at = address - MEMORY_BASE;
    if (at < 0 || at + width > MEMORY_BYTES || at % width !== 0) {
      throw new Error(`world: access of ${width} bytes at 0x${(address >>> 0).toString(16)}`);
    }
    return at;
  }
}

/** A word that depends on both. */
export function mix(a: number, b: number): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h ^ (h >>> 13)) | 0;
}

export const CALLABLE_COUNT = FUNCTION_COUNT;
