/**
 * The host-target interface (HTIF) of bare-metal tests: two 64-bit words named `tohost` and `fromhost`.
 *
 *   tohost = (failure << 1) | 1     the end: 0 is a pass (riscv-tests)
 *   tohost = 0x0101_0000_0000_00cc  send character cc, answered in fromhost
 *   tohost = address of 8 u64       a system call: 64 write(fd, buffer, length), 93 exit(code); fromhost = 1 when done
 *
 * The host looks every so many instructions (`pollInstructions`), so a run ends up to that many after the store: the same
 * many each time. A value counts when two looks agree, as its halves are two stores. Source: riscv-tests `env/p`, `benchmarks/common/syscalls.c`.
 */
import type { Machine } from "../types.ts";
import type { ElfImage } from "../elf.ts";

/** Between looks while nothing happens, and right after something did. */
const POLL_MAX = 100_000;
const POLL_MIN = 1_000;
/** Longer writes are cut. */
const WRITE_BYTES_MAX = 0x1_0000;
const SYSCALL = { WRITE: 64, EXIT: 93 } as const;
const ENOSYS = 38;
const COMMAND_PUTCHAR = 0x0101_0000;

export type HostEvent =
  | { readonly kind: "console"; readonly bytes: Uint8Array }
  /** 0 is a pass. */
  | { readonly kind: "exit"; readonly code: number };

export interface HostSymbols {
  readonly tohost: number;
  /** null: nobody waits for answers. */
  readonly fromhost: number | null;
}

/** The two words of an ELF that has them. */
export function hostSymbols(elf: ElfImage): HostSymbols | null {
  const address = (name: string): number | null =>
    elf.symbols.find((symbol) => symbol.name === name)?.address ?? null;
  const tohost = address("tohost");
  return tohost === null ? null : { tohost, fromhost: address("fromhost") };
}

export class HostInterface {
  /** Instructions until the next look. */
  pollInstructions = POLL_MIN;
  /** What the last look saw: low and high word. */
  #low = 0;
  #high = 0;

  constructor(private readonly machine: Machine, private readonly symbols: HostSymbols) {}

  /** One look; null: nothing new. */
  look(): HostEvent | null {
    const [low, high] = this.#words(this.symbols.tohost, 2);
    const settled = low === this.#low && high === this.#high;
    this.#low = low!;
    this.#high = high!;
    if (low === 0 && high === 0) {
      this.pollInstructions = Math.min(2 * this.pollInstructions, POLL_MAX);
      return null;
    }
    this.pollInstructions = POLL_MIN;
    if (!settled) return null;
    if (high === COMMAND_PUTCHAR) {
      this.#answer(0, COMMAND_PUTCHAR);
      return { kind: "console", bytes: Uint8Array.of(low! & 0xff) };
    }
    if ((low! & 1) !== 0) return { kind: "exit", code: low! >>> 1 };
    return this.#systemCall(low!);
  }

  #systemCall(at: number): HostEvent | null {
    const [number, , code, , buffer, , length] = this.#words(at, 8);
    if (number === SYSCALL.EXIT) return { kind: "exit", code: code! };
    const bytes =
      number === SYSCALL.WRITE
        ? this.machine.readPhysical(buffer!, Math.min(length!, WRITE_BYTES_MAX))
        : null;
    this.#write(at, bytes ? bytes.length : -ENOSYS, bytes ? 0 : -1);
    this.#answer(1, 0);
    return bytes && { kind: "console", bytes };
  }

  #answer(low: number, high: number): void {
    this.#low = 0;
    this.#high = 0;
    this.#write(this.symbols.tohost, 0, 0);
    if (this.symbols.fromhost !== null) this.#write(this.symbols.fromhost, low, high);
  }

  #words(address: number, count: number): Uint32Array {
    const bytes = this.machine.readPhysical(address, 4 * count);
    return bytes ? new Uint32Array(bytes.buffer, 0, count) : new Uint32Array(count);
  }

  #write(address: number, low: number, high: number): void {
    this.machine.writePhysical(address, new Uint8Array(Int32Array.of(low, high).buffer));
  }
}
