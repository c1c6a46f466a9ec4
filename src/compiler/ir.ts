/**
 * The intermediate form between `front/` (TypeScript in), `opt/` and `back/` (assembly out): SSA over 32-bit words.
 *
 * Rules: a function's entry is blocks[0] and has no predecessors; every value is defined in the block that lists it and
 * dominates its uses; phis come first in their block and have one argument per predecessor, in the order of `preds`;
 * `preds` and the successors in terminators agree (a successor named twice is two predecessors); unreachable blocks are
 * gone. 64-bit integers are two words (low, high), split by `front/`. Booleans are 0 or 1. u8/i8/u16/i16 values are kept
 * extended to 32 bits. `verifyIr` checks all of this.
 */

export type LocationId = number;

/** Where a value comes from. Id 0 means "nowhere". */
export interface Location {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Source name of the function whose body holds this place (the inlined one, when inlined). */
  readonly functionName: string;
  /** The call that was inlined, or 0 when the place is in the function's own body. */
  readonly inlinedAt: LocationId;
}

/** Begins the place of an operand in the text of `asm`. */
export const ASM_OPERAND = "\u0001";

export type BinaryOp =
  | "add" | "sub" | "mul" | "mulh" | "mulhu" | "mulhsu" | "div" | "divu" | "rem" | "remu"
  | "and" | "or" | "xor" | "sll" | "srl" | "sra" | "slt" | "sltu";

export type AmoOp = "swap" | "add" | "and" | "or" | "xor" | "min" | "max" | "minu" | "maxu";
/** Bits of .aq and .rl on AMO, LR and SC. */
export type MemoryOrder = "relaxed" | "acquire" | "release" | "acquire-release";
export type Condition = "eq" | "ne" | "lt" | "ge" | "ltu" | "geu";

/**
 * What kind of access the source wrote: READ_ONCE and WRITE_ONCE, or within data_race(). All but plain ones are volatile: never merged,
 * moved or dropped, so that a kind belongs to one instruction to the end.
 */
export type AccessKind = "plain" | "once" | "race";

/** Per operation: the arguments (by position) are described beside the payload. */
export interface Payloads {
  /** A 32-bit constant, kept as a signed number (| 0). */
  const: { readonly value: number };
  /** Address of a symbol plus an offset. */
  symbol: { readonly name: string; readonly offset: number };
  /** Address of a stack slot (index in IrFunction.frame) plus an offset. */
  frame: { readonly slot: number; readonly offset: number };
  /** The index-th 32-bit word of the arguments: a0..a7, then the caller's stack. Only in the entry block. */
  param: { readonly index: number };
  /**
   * Address of a per-CPU variable of the running CPU: tp + (symbol - __per_cpu_start) + offset. Never value-numbered or
   * moved across a call, barrier, atomic, csr or asm: preemption may move the task to another CPU there.
   */
  percpu: { readonly name: string; readonly offset: number };
  /** args: a, b. div/rem follow the ISA on zero and overflow. */
  binary: { readonly op: BinaryOp };
  /** args: base. */
  load: { readonly width: 1 | 2 | 4; readonly signed: boolean; readonly offset: number; readonly access: AccessKind };
  /** args: base, value. */
  store: { readonly width: 1 | 2 | 4; readonly offset: number; readonly access: AccessKind };
  /** args: argument words; with target null the function's address is the last argument. Result: a0. */
  call: { readonly target: string | null; readonly results: 0 | 1 | 2; readonly noreturn: boolean };
  /** args: a call, ecall or asm with two results, directly before this. Result: the second one (a1). */
  result1: Record<string, never>;
  /** args: address, value. Result: the old word. */
  amo: { readonly op: AmoOp; readonly order: MemoryOrder };
  /** args: address, expected, new. Result: the old word. An LR/SC loop. */
  cmpxchg: { readonly order: MemoryOrder };
  /** args: value. csrrw | csrrs | csrrc; a constant that fits takes the immediate form. Result: old value if wanted. */
  csr: { readonly op: "rw" | "rs" | "rc"; readonly csr: number; readonly wantsOld: boolean };
  fence: { readonly pred: "r" | "w" | "rw"; readonly succ: "r" | "w" | "rw" };
  /** args: none, or for sfence.vma an address, or an address and an ASID. */
  system: { readonly op: "fence.i" | "sfence.vma" | "wfi" | "pause" | "ebreak" | "mret" | "sret" };
  /** args: a7 (extension), a6 (function), a0.. up to six. Result: a0. Clobbers a0 and a1 only. */
  ecall: { readonly results: 1 | 2 };
  /** args: c, a, b. `sltu x0,a,b` then `slti x0,c,event`, adjacent (ABI.md section 6). */
  mark: { readonly event: number };
  /** The frame pointer (s0) of this function; forces a frame. */
  framepointer: Record<string, never>;
  /** No code; no memory access or percpu address moves across it. */
  barrier: Record<string, never>;
  /**
   * Literal assembly (constants and symbols already in the text). args: what it reads, in registers; `ASM_OPERAND`, `o` or `i` and a
   * digit stand for the register of a result or argument. Results: as many words as it writes; the second by `result1`. Clobbers memory and, as a mask,
   * `clobbers` of the registers that calls may change.
   */
  asm: { readonly text: string; readonly results: 0 | 1 | 2; readonly clobbers: number };
  phi: Record<string, never>;
}
export type Op = keyof Payloads;

export interface ValueOf<O extends Op> {
  readonly id: number;
  readonly op: O;
  args: Value[];
  readonly x: Payloads[O];
  loc: LocationId;
}
/** A discriminated union: `if (v.op === "load") v.x.width`. */
export type Value = { [O in Op]: ValueOf<O> }[Op];

export type Terminator =
  | { readonly kind: "return"; args: Value[]; loc: LocationId }
  | { readonly kind: "jump"; target: Block; loc: LocationId }
  | {
      readonly kind: "branch";
      condition: Condition;
      args: [Value, Value];
      then: Block;
      else: Block;
      /** Which way the source says it goes (`likely`/`unlikely`), for block order. */
      readonly hint: "then" | "else" | null;
      loc: LocationId;
    }
  /** Goes to targets[table[value]]; the value is below table.length, unsigned. Targets are different blocks. */
  | { readonly kind: "switch"; args: [Value]; readonly table: readonly number[]; targets: Block[]; loc: LocationId }
  | { readonly kind: "unreachable"; loc: LocationId };

export interface Block {
  readonly id: number;
  values: Value[];
  preds: Block[];
  end: Terminator;
}

/** A place on the stack frame. */
export interface FrameSlot {
  readonly size: number;
  readonly align: number;
  /** Null for a temporary. */
  readonly variable: LocalVariable | null;
}

/** What the debugger shows of a slot. */
export interface LocalVariable {
  readonly name: string;
  /** As in DataObject. */
  readonly type: string;
  /** The declaration; its `inlinedAt` tells in which inlined call. */
  readonly loc: LocationId;
  readonly isParameter: boolean;
}

/** One word of a variable: the value that it has, or none where no single value is known. */
export type VariableWords = readonly (Value | null)[];

/** A variable that the source can name at some place. */
export interface VisibleVariable {
  readonly variable: LocalVariable;
  readonly size: number;
  /** Index in `VariableScopes.parents`, or -1: of the whole body. */
  readonly scope: number;
  /** Low word first; or the slot of the frame that it lives in. */
  readonly words: VariableWords | number;
}

/**
 * What the source calls variables where: kept beside the code, so that passes neither see it nor lose it. A location says
 * which variables exist and which values they have; whether a value still exists there, code generation finds out.
 */
export interface VariableScopes {
  /** The scope around each scope of the source, or -1. */
  readonly parents: readonly number[];
  /** Innermost scope of a location, or -1. */
  scopeOf(loc: LocationId): number;
  /** Variables of the location's own (inlined) body, without those of its callers. */
  variablesAt(loc: LocationId): readonly VisibleVariable[];
  /** The place that a call was inlined at. */
  inlinedAt(loc: LocationId): LocationId;
  /** All that the answers for these locations depend on, besides the function itself; `index` names a location. */
  describe(locations: readonly LocationId[], index: (loc: LocationId) => number): string;
}

export interface IrFunction {
  /** Unique link name. */
  readonly symbol: string;
  /** Source name, as in symbol tables and backtraces. */
  readonly name: string;
  readonly section: string;
  readonly loc: LocationId;
  readonly exported: boolean;
  readonly paramCount: number;
  readonly results: 0 | 1 | 2;
  blocks: Block[];
  frame: FrameSlot[];
  /** Number that no value and no block of this function has yet. */
  nextId: number;
  /** A trap enters it: every register comes back, and this instruction is its return. */
  readonly interrupt?: "sret" | "mret";
  /** Type name of the result, as in DataObject; absent for none. */
  readonly returns?: string;
  readonly variables?: VariableScopes;
  /** For `variables`: values that a pass replaced, by what they equal now (`Replacements`). */
  aliases?: Map<Value, Value>;
  /** For `variables`: phis that a way now goes around, so that an old value may be left in them. */
  bypassed?: Set<Value>;
}

/** A function written entirely in assembly (directive "naked"). */
export interface NakedFunction {
  readonly symbol: string;
  readonly name: string;
  readonly section: string;
  readonly loc: LocationId;
  readonly exported: boolean;
  /** One string a line of assembly, constants and symbols already substituted, with its place. */
  readonly lines: readonly { readonly text: string; readonly loc: LocationId }[];
}

/** Module-level storage. */
export interface DataObject {
  readonly symbol: string;
  readonly name: string;
  /** .data, .rodata, .bss, .data..percpu, .tasks or what a "section" directive names. */
  readonly section: string;
  readonly align: number;
  readonly size: number;
  /** Initial contents; shorter than `size` means zeroes behind it. */
  readonly bytes: Uint8Array;
  readonly relocations: readonly { readonly offset: number; readonly symbol: string; readonly addend: number }[];
  /** Class or scalar type name, for `.hartlab` and the debugger. */
  readonly type: string;
  readonly loc: LocationId;
}

/** Everything `front/` hands on. */
export interface IrUnit {
  readonly locations: readonly Location[];
  readonly functions: readonly IrFunction[];
  readonly naked: readonly NakedFunction[];
  readonly data: readonly DataObject[];
  readonly structs: Readonly<Record<string, import("../base/hartlab-section.ts").StructInfo>>;
  readonly enums: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly config: Readonly<Record<string, string | number | boolean>>;
  readonly tasks: readonly string[];
  readonly files: readonly string[];
}
