/**
 * Addresses -> functions, source lines and names of storage, from the `.hartlab` section.
 *
 * A return address belongs to the instruction before it: look up `address - 1`.
 */
import type { HartlabSection, LineRow, StaticInfo } from "../../base/hartlab-section.ts";

export interface Frame {
  readonly function: string;
  readonly file: string;
  readonly line: number;
}

/** Types whose address is a lock: the path of a static lock stops there. */
const LOCK_TYPES: ReadonlySet<string> = new Set([
  "spinlock_t",
  "raw_spinlock_t",
  "arch_spinlock_t",
  "rwlock_t",
  "mutex",
  "percpu_rw_semaphore",
]);
const PATH_DEPTH_MAX = 8;

export class Symbols {
  readonly #section: HartlabSection;
  readonly #lineAddresses: Float64Array;
  readonly #functionAddresses: Float64Array;
  readonly #functions: HartlabSection["functions"];

  constructor(section: HartlabSection) {
    this.#section = section;
    this.#lineAddresses = Float64Array.from(section.lines, (row) => row[0]);
    this.#functions = [...section.functions].sort((a, b) => a.address - b.address);
    this.#functionAddresses = Float64Array.from(this.#functions, (one) => one.address);
  }

  /** Frames at an address, the innermost inlined function first; empty when the image has no code there. */
  frames(address: number): Frame[] {
    const owner = this.#functionAt(address);
    if (owner === null) return [];
    const row = this.#rowAt(address);
    const files = this.#section.files;
    if (row === null || row[0] < owner.address) {
      return [{ function: owner.name, file: files[owner.file], line: owner.line }];
    }
    const frames: Frame[] = [];
    let [, file, line] = row;
    for (const [callee, callFile, callLine] of row[3]) {
      frames.push({ function: callee, file: files[file], line });
      file = callFile;
      line = callLine;
    }
    frames.push({ function: owner.name, file: files[file], line });
    return frames;
  }

  /** Of the out-of-line function at an address, or the address. */
  functionName(address: number): string {
    return this.#functionAt(address)?.name ?? `0x${address.toString(16)}`;
  }

  /** Whether the function at an address keeps no frame. */
  isLeaf(address: number): boolean {
    return this.#functionAt(address)?.leaf === true;
  }

  /** First instruction of the out-of-line function at an address; null: there is none. */
  entryOf(address: number): number | null {
    return this.#functionAt(address)?.address ?? null;
  }

  /** Whether an address is the first instruction of a function. */
  isEntry(address: number): boolean {
    return this.#functionAt(address)?.address === address;
  }

  /** `function+0xoff/0xsize`, as the kernel prints addresses. */
  offsetName(address: number): string {
    const owner = this.#functionAt(address);
    if (owner === null) return `0x${address.toString(16)}`;
    return `${owner.name}+0x${(address - owner.address).toString(16)}/0x${owner.size.toString(16)}`;
  }

  /**
   * The name of module-level storage at an address: `symbol.field.path`, or null. `percpuStarts` are the starts of the
   * CPUs' areas (the values of tp), in which the per-CPU template's names apply. The path ends at a value of `type` that begins there.
   */
  storageName(address: number, percpuStarts: Iterable<number> = [], type: string | null = null): string | null {
    const fixed = this.#pathIn(this.#section.statics, address, type);
    if (fixed !== null) return fixed;
    for (const start of percpuStarts) {
      const name = address < start ? null : this.#pathIn(this.#section.percpu, address - start, type);
      if (name !== null) return name;
    }
    return null;
  }

  #pathIn(storage: readonly StaticInfo[], address: number, type: string | null): string | null {
    for (const one of storage) {
      if (address >= one.address && address < one.address + one.size) {
        return one.name + this.#fieldPath(one.type, address - one.address, type);
      }
    }
    return null;
  }

  #fieldPath(type: string, offset: number, wanted: string | null): string {
    let path = "";
    let current = type;
    let rest = offset;
    for (let depth = 0; depth < PATH_DEPTH_MAX && !LOCK_TYPES.has(current); depth++) {
      if (rest === 0 && current === wanted) break;
      const struct = this.#section.structs[current];
      if (struct === undefined) {
        const element = /^(?:StructArray|FixedArray)<(\w+)(?:,\s*\d+)?>/.exec(current)?.[1];
        const elementSize = element ? (this.#section.structs[element]?.size ?? 0) : 0;
        if (!element || elementSize === 0) break;
        path += `[${Math.floor(rest / elementSize)}]`;
        rest %= elementSize;
        current = element;
        continue;
      }
      const field = struct.fields.find((f) => rest >= f.offset && rest < f.offset + f.size);
      if (field === undefined) break;
      path += `.${field.name}`;
      rest -= field.offset;
      current = field.type;
    }
    return path;
  }

  #functionAt(address: number): HartlabSection["functions"][number] | null {
    const at = lastAtMost(this.#functionAddresses, address);
    if (at < 0) return null;
    const owner = this.#functions[at];
    return address < owner.address + owner.size ? owner : null;
  }

  #rowAt(address: number): LineRow | null {
    const at = lastAtMost(this.#lineAddresses, address);
    return at < 0 ? null : this.#section.lines[at];
  }
}

/** Index of the last element that is not above `value`, or -1. */
function lastAtMost(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
