/**
 * Where everything lives in the machine's one WebAssembly.Memory. Named constants only; `engine/` (WebAssembly) and
 * `hart/`, `device/` (JavaScript) both read and write by these. Version it: a snapshot carries LAYOUT_VERSION.
 *
 * Engine-private tables (line table, L1 tags, directory, L2, predecoded entries) are placed by `engine/` behind the
 * sections named here and are rebuilt, not saved.
 */
export const LAYOUT_VERSION = 4;

/** Hart h's block starts at HART_BASE + h * HART_STRIDE. */
export const HART_BASE = 0x1_0000;
export const HART_STRIDE = 0x1000;
export const MAX_HARTS = 64;

/** Byte offsets inside a hart's block. 64-bit fields are little-endian low, high. */
export const HART = {
  /** x0..x31; x0 is never written. */
  X: 0,
  PC: 128,
  /** 0 U, 1 S, 3 M. */
  PRIV: 132,
  /** Cycle clock, u64. */
  CLOCK: 136,
  /** Instructions retired (marks excluded), u64. */
  INSTRET: 144,
  /** Marks fired, u64. */
  MARKS: 152,
  /** Clock at which the timer interrupt becomes pending (u64, all ones: never). Written by the CLINT. */
  TIMER_CLOCK: 160,
  /** Non-zero: stopped in WFI. */
  WFI: 168,
  /** Non-zero: the loop calls the `interrupts(hart)` import before the next instruction of this hart. */
  ATTENTION: 172,
  /** The instruction word handed to the `system` import. */
  INSN: 176,
  /** Reservation: physical line address | 1, or 0. */
  RESERVATION: 180,
  /** Raised by JS when translation-affecting state changed (FLUSH bits of engine/index.ts); the engine clears it. */
  FLUSH: 184,
  /** Where the engine lets writes to x0 go: no state, zeroed before `run` returns. */
  SCRATCH: 188,
  /** Clock at which S-mode interrupts were switched off, u64; all ones: they are on, or it does not count (WFI). */
  IRQS_OFF_SINCE: 192,
  IRQS_OFF_PC: 200,
  /** Clock at which the loop calls `interrupts(hart)` (u64, all ones: never): how harts reach each other, see engine/index.ts. */
  EVENT_CLOCK: 208,
  /** a and b of a mark between its two instructions; MARK_LATCHED: whether they are there, if nothing has retired since MARK_AT. */
  MARK_A: 216,
  MARK_B: 220,
  /** CLOCK + 1 when the instruction at PC has already spent PAID_CYCLES on a line of another hart (u64; see engine/index.ts). */
  PAID_AT: 224,
  PAID_CYCLES: 232,
  /** Clock at which RESERVATION was made, low word. */
  RESERVED_AT: 236,
  MARK_LATCHED: 240,
  /** Operands of an sfence.vma that the engine has still to do (FLUSH.FENCE): virtual address, ASID. */
  FENCE_ADDRESS: 244,
  FENCE_ASID: 248,
  /** CSRs. */
  MSTATUS: 256,
  MISA: 260,
  MEDELEG: 264,
  MIDELEG: 268,
  MIE: 272,
  MTVEC: 276,
  MCOUNTEREN: 280,
  MSCRATCH: 284,
  MEPC: 288,
  MCAUSE: 292,
  MTVAL: 296,
  /** mip as software sees it: device lines and software-written bits together. */
  MIP: 300,
  MCOUNTINHIBIT: 304,
  STVEC: 308,
  SCOUNTEREN: 312,
  SSCRATCH: 316,
  SEPC: 320,
  SCAUSE: 324,
  STVAL: 328,
  SATP: 332,
  SENVCFG: 336,
  MENVCFG: 340,
  MSTATUSH: 344,
  /** Bits of mip that software wrote (SSIP, STIP, SEIP); MIP = SOFT_MIP | LINES | MTIP. */
  SOFT_MIP: 348,
  /** Bits of mip that device wires hold up (MSIP, SEIP, MEIP); MTIP follows from CLOCK and TIMER_CLOCK. */
  LINES: 352,
  /** Clocks from which this hart sees those lines, while they are up (u64 each, by hart/interrupt.ts). */
  LINE_FROM: 360,
  /** 4 words of pmpcfg, then 16 of pmpaddr. */
  PMPCFG: 384,
  PMPADDR: 400,
  /** What mcycle and minstret show beyond CLOCK and INSTRET, u64; while mcountinhibit stops one, all that it shows. */
  MCYCLE_OFFSET: 464,
  MINSTRET_OFFSET: 472,
  /** What mtime and the time CSR show beyond CLOCK in ticks, u64: software has set mtime. */
  TIME_OFFSET: 480,
  /** Non-zero: the hart is held (`hold` in types.ts). */
  HELD: 488,
  /** INSTRET + 1 when the hart stopped at a breakpoint, u64: the instruction there may go on. */
  PASS_AT: 496,
  /** INSTRET + 1 at the last first half of a mark, or second half without a first, u64; how many there were since the last instruction. */
  MARK_AT: 504,
  MARK_RUN: 512,
  /** From here on: nothing outside `run`, which leaves zeroes. Parking (engine/emit/emit-park.ts): the branch last taken that closes a poll loop, and how often without a break. */
  POLL_ENTRY: 1024,
  POLL_COUNT: 1028,
  /** A parked hart's line of RAM + 1, or 0; what a round of its loop takes. */
  PARK_LINE: 1032,
  PARK_STEP: 1036,
  /** Rounds (engine/emit/emit-rounds.ts): entry, pc - p / 4 and line table of a hart while another one's instruction is done; block of the next. */
  ROUND_ENTRY: 1040,
  ROUND_DELTA: 1044,
  ROUND_CONTEXT: 1048,
  ROUND_NEXT: 1052,
  /** Harts in the ring. */
  ROUND_COUNT: 1056,
} as const;

/** Device sections, from DEVICE_BASE on. */
export const DEVICE_BASE = HART_BASE + MAX_HARTS * HART_STRIDE;
export const DEVICE = {
  CLINT: DEVICE_BASE,
  PLIC: DEVICE_BASE + 0x2000,
  UART: DEVICE_BASE + 0x8000,
  FINISHER: DEVICE_BASE + 0xa000,
  LAB: DEVICE_BASE + 0xb000,
  VIRTIO: DEVICE_BASE + 0xc000,
  VIRTIO_CONSOLE: DEVICE_BASE + 0xd000,
} as const;

/** Machine-wide words used by the loop. */
export const MACHINE = DEVICE_BASE + 0x1_0000;
/** Byte addresses of those words. */
export const MACHINE_WORD = {
  /** Set by an import: `run` returns after this instruction. */
  STOP: MACHINE,
  /** Set by mmioLoad and mmioStore: nothing answers at this address. */
  ACCESS_FAULT: MACHINE + 4,
  /** Records in MARK_BUFFER. */
  MARK_COUNT: MACHINE + 8,
  /** Event of the mark that ended `run`. */
  MARK_EVENT: MACHINE + 12,
  /** A turn that a limit cut short (engine): hart + 1 or 0, then the u64 clocks of its two ends. */
  TURN_HART: MACHINE + 16,
  TURN_FIRST_END: MACHINE + 24,
  TURN_END: MACHINE + 32,
  /** What `run` may still do: u64 instructions, u64 clock to stop at (all ones: none), u64 cycles of this slice. */
  REMAINING: MACHINE + 40,
  UNTIL: MACHINE + 48,
  SLICE: MACHINE + 56,
  /** Pages of predecoded code in use. */
  CODE_PAGES_USED: MACHINE + 64,
  /** Between the interpreter and its wrapper: entry and cause of an exit, target of a jump, pc - p / 4, ordering limit. */
  EXIT_ENTRY: MACHINE + 72,
  EXIT_REASON: MACHINE + 76,
  EXIT_TARGET: MACHINE + 80,
  PAGE_DELTA: MACHINE + 84,
  SLACK: MACHINE + 88,
  /** Clock of the hart whose instruction stopped the machine (u64). */
  STOPPED_AT: MACHINE + 96,
  /** Set by mmioLoad and mmioStore: what the access costs, in cycle mode. */
  DEVICE_CYCLES: MACHINE + 104,
  /** Address of the next record in the access buffer. */
  ACCESS_NEXT: MACHINE + 108,
  /** How many harts are parked. */
  PARKED: MACHINE + 112,
  /** How often one was parked. */
  PARKS: MACHINE + 128,
  /** How a series of rounds ended (engine/emit/emit-rounds.ts): block of the hart at hand, harts left of the round with it, rounds left. */
  ROUND_HART: MACHINE + 116,
  ROUND_COUNT: MACHINE + 120,
  ROUNDS_LEFT: MACHINE + 124,
  /** Number of the hart that stands at a breakpoint, after RUN.BREAK. */
  BREAK_HART: MACHINE + 132,
  /** One bit an event: marks that end `run` (2048 bits). */
  ATTENTION_EVENTS: MACHINE + 256,
  /** By hart, u64: where it stands in the order (engine/emit/emit-order.ts). */
  KEYS: MACHINE + 512,
} as const;

/** STOP .. TURN_END stay from one call of `run` to the next and belong to snapshots; the rest does not. */
export const MACHINE_SAVED_BYTES = 40;

/** Mark records: 48 bytes each (ABI.md section 6), drained in bulk. */
export const MARK_BUFFER = MACHINE + 0x1000;
export const MARK_BYTES = 48;
export const MARK_CAPACITY = 16384;

/** Word offsets inside one mark record. */
export const MARK_WORD = {
  CLOCK_LOW: 0,
  CLOCK_HIGH: 1,
  INSTRET_LOW: 2,
  /** hart in bits 0..7, event in bits 8..18, mode in bits 24..25, SIE in bit 26, instret bits 32..36 in bits 27..31 */
  HEAD: 3,
  PC: 4,
  A: 5,
  B: 6,
  C: 7,
  TP: 8,
  /** Two return addresses by the frame-pointer chain: ra of the marking function's caller chain; 0 when unreadable. */
  RA0: 9,
  RA1: 10,
  RESERVED: 11,
} as const;

/** Access records of an observed engine: 32 bytes each, in a buffer among the engine's tables. */
export const ACCESS_BYTES = 32;
export const ACCESS_CAPACITY = 0x1_0000;

/** Word offsets inside one access record. */
export const ACCESS_WORD = {
  /** When the instruction began, u64. */
  CLOCK_LOW: 0,
  CLOCK_HIGH: 1,
  /** hart in bits 0..7, bytes in bits 8..11, ACCESS_KIND in bits 12..15, privilege in bits 24..25 */
  HEAD: 2,
  PC: 3,
  VIRTUAL: 4,
  PHYSICAL: 5,
  /** What was read or stored, extended by zeroes; sc.w: what it would store; fence: pred << 4 | succ. */
  VALUE: 6,
  /** What an AMO wrote. */
  WRITTEN: 7,
} as const;

export const ACCESS_KIND = { LOAD: 0, STORE: 1, AMO: 2, LR: 3, SC: 4, SC_FAILED: 5, FENCE: 6 } as const;

/** First byte that `engine/` may use for its own tables; guest RAM comes after those, page aligned. */
export const ENGINE_BASE = (MARK_BUFFER + MARK_BYTES * MARK_CAPACITY + 0xffff) & ~0xffff;

/** Physical memory map of the board (QEMU virt). */
export const BOARD = {
  FINISHER: 0x0010_0000,
  CLINT: 0x0200_0000,
  CLINT_SIZE: 0x1_0000,
  PLIC: 0x0c00_0000,
  PLIC_SIZE: 0x60_0000,
  UART: 0x1000_0000,
  /** Eight virtio-mmio slots, 0x1000 apart. */
  VIRTIO: 0x1000_1000,
  LAB: 0x1020_0000,
  RAM: 0x8000_0000,
} as const;

/** PLIC sources; virtio slot n has VIRTIO + n. */
export const IRQ = { VIRTIO: 1, UART: 10, LAB: 40 } as const;

/** Cycles a tick of mtime (10 MHz at 1 cycle = 1 ns). */
export const CYCLES_PER_TICK = 100;
