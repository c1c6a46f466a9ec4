// lib.kernel.d.ts: the whole standard library of kernel TypeScript ("noLib": true). The compiler implements each name here.
// ---- what the checker itself insists on (no members: a number or a string has no methods here) ----
interface Object {}
interface Function {}
interface CallableFunction extends Function {}
interface NewableFunction extends Function {}
interface IArguments {}
interface Boolean {}
interface Number {}
interface BigInt {}
interface String {}
interface RegExp {}
interface Symbol {}
interface Array<T> { readonly length: u32; [index: number]: T }
interface TemplateStringsArray {}
declare const Symbol: { readonly iterator: unique symbol; readonly dispose: unique symbol };
interface IteratorResult<T, R = unknown> { done: boolean; value: T | R }
interface Iterator<T, R = unknown, N = unknown> { next(n?: N): IteratorResult<T, R> }
interface Iterable<T, R = unknown, N = unknown> { [Symbol.iterator](): Iterator<T, R, N> }
interface Generator<T = unknown, R = void, N = unknown> extends Iterator<T, R, N> { [Symbol.iterator](): Generator<T, R, N> }
interface Disposable { [Symbol.dispose](): void }

// ---- machine integers: flavoured numbers; a type lists the types that convert to it without loss ----
declare const width: unique symbol;
type u8  = number & { readonly [width]?: "u8" };
type i8  = number & { readonly [width]?: "i8" };
type u16 = number & { readonly [width]?: "u8" | "u16" };
type i16 = number & { readonly [width]?: "u8" | "i8" | "i16" };
type u32 = number & { readonly [width]?: "u8" | "u16" | "u32" };
type i32 = number & { readonly [width]?: "u8" | "i8" | "u16" | "i16" | "i32" };
type usize = u32;
type u64 = bigint & { readonly [width]?: "u64" };
type i64 = bigint & { readonly [width]?: "i64" };
// conversions (truncate or extend)
declare function u8(x: number | bigint | boolean): u8;
declare function i8(x: number | bigint | boolean): i8;
declare function u16(x: number | bigint | boolean): u16;
declare function i16(x: number | bigint | boolean): i16;
declare function u32(x: number | bigint | boolean): u32;
declare function i32(x: number | bigint | boolean): i32;
declare function u64(x: number | bigint | boolean): u64;
declare function i64(x: number | bigint | boolean): i64;
/** The high word of the 64-bit product. */
declare function mulhu(a: u32, b: u32): u32;

type NoInfer<T> = intrinsic;

// ---- pointers ----
declare class Ptr<T> { private readonly pointee; [index: number]: T; add(n: number): Ptr<T>; sub(n: number): Ptr<T> }
declare class FixedArray<T> extends Ptr<T> { constructor(length: number); readonly length: u32 }
declare class StructArray<T> { private readonly element; constructor(type: Struct<T>, length: number); readonly [index: number]: T }
type Struct<T> = abstract new (...args: never) => T;
declare function addressOf<T>(lvalue: T): Ptr<T>;
/** The address of a structure, array, string or function; 0 for null. */
declare function addr(pointer: object | string | null): usize;
declare function cast<T extends object>(address: usize): T;
/** As cast, for an address that may be 0. */
declare function castOrNull<T extends object>(address: usize): T | null;
declare function sizeof<T>(): u32;
declare function offsetOf<T>(type: Struct<T>, field: keyof T): u32;
/** The fields of T that hold an F. */
type FieldOf<T, F> = { [K in keyof T]: T[K] extends F ? K : never }[keyof T];
declare function containerOf<T, F extends object>(type: Struct<T>, field: FieldOf<T, F>, member: F): T;
/** The NUL-terminated string at an address. */
declare function stringAt(address: usize): string;
/** Address of a symbol that the linker defines: _stext, _etext, __bss_start, __per_cpu_start, __tasks_start ... */
declare function linkerSymbol(name: string): usize;

// ---- bit fields of a word, named by a constant mask of neighbouring bits ----
/** The mask of bits `low` to `high`, both included; a constant. */
declare function GENMASK(high: number, low: number): number;
/** The field, shifted down. */
declare function FIELD_GET(mask: number, word: u32): u32;
/** The value in the field's place, all other bits zero; what does not fit is cut off, and refused when it is a constant. */
declare function FIELD_PREP(mask: number, value: u32): u32;
/** `old` with another value in the field. */
declare function u32_replace_bits(old: u32, value: u32, mask: number): u32;

// ---- memory order, volatile access, CPU ----
declare function READ_ONCE<T>(lvalue: T): T;
declare function WRITE_ONCE<T>(lvalue: T, value: NoInfer<T>): void;
/** The expression; whatever it reads and writes itself, inlined calls included, may race with others, and that is meant. */
declare function data_race<T>(expression: T): T;
/** Nobody else writes the place now; readers may be there. Tells the race checker (docs/observers.md), nothing happens here. */
declare function ASSERT_EXCLUSIVE_WRITER<T>(lvalue: T): void;
/** Nobody else reads or writes the place now. */
declare function ASSERT_EXCLUSIVE_ACCESS<T>(lvalue: T): void;
/** The old word; acquire-release. */
declare function amoSwap(p: Ptr<u32>, v: u32): u32;
declare function amoAdd(p: Ptr<u32> | Ptr<i32>, v: number): u32;
declare function amoAnd(p: Ptr<u32>, v: u32): u32;
declare function amoOr(p: Ptr<u32>, v: u32): u32;
declare function amoSwapRelaxed(p: Ptr<u32>, v: u32): u32;
declare function amoAddRelaxed(p: Ptr<u32> | Ptr<i32>, v: number): u32;
declare function amoSwapAcquire(p: Ptr<u32>, v: u32): u32;
declare function amoAddAcquire(p: Ptr<u32> | Ptr<i32>, v: number): u32;
declare function amoAddRelease(p: Ptr<u32> | Ptr<i32>, v: number): u32;
/** The old value; acquire-release. A word-sized lvalue: integer, boolean field of 4 bytes, or pointer. */
declare function CMPXCHG<T>(lvalue: T, old: NoInfer<T>, value: NoInfer<T>): T;
declare function fence(pred: "r" | "w" | "rw", succ: "r" | "w" | "rw"): void;
/** A compiler barrier: no instruction, no memory or per-CPU access moves across it. */
declare function barrier(): void;
declare function fenceI(): void;
declare function sfenceVma(address?: usize, asid?: u32): void;
declare function csrRead(csr: number): u32;
declare function csrWrite(csr: number, v: u32): void;
/** Returns the old value. */
declare function csrSwap(csr: number, v: u32): u32;
declare function csrReadSet(csr: number, bits: u32): u32;
declare function csrReadClear(csr: number, bits: u32): u32;
declare function wfi(): void;
declare function pause(): void;
declare function ebreak(): void;
/** An SBI call: a7, a6, then a0..a4. Returns a0 (the error) in the low word and a1 (the value) in the high word. */
declare function ecall(extension: u32, call: u32, a0?: u32, a1?: u32, a2?: u32, a3?: u32, a4?: u32): u64;
/** The frame pointer (s0) of the function that says it; the walk: ra at fp-4, caller's fp at fp-8. Forces a frame. */
declare function framePointer(): usize;
declare function likely(condition: boolean): boolean;
declare function unlikely(condition: boolean): boolean;
/** Fires a trace mark (ABI.md section 6): volatile, clobbers memory, a no-op to the program. */
declare function traceMark(event: u32, c?: usize | object | string | null, a?: usize | object | string | null, b?: usize | object | string | null): void;
/** Literal assembly. ${} takes a constant (number, sizeof, offsetOf, const enum) or the name of a function or static. In a "naked" function it is the whole body. */
declare function asm(text: TemplateStringsArray, ...args: (number | object)[]): void;
// Operands in asm`...` of ordinary functions: at most three that are read and two that are written, one word each (docs/dialect.md).
/** A register that holds x; the text must not write it. */
declare function asmIn(x: number | boolean | string | object | null): number;
/** A register that the text writes and that goes to the lvalue. It is none of those that are read. */
declare function asmOut(lvalue: number | object | null): number;
/** A register that holds the lvalue's value at first and goes back to it. */
declare function asmInOut(lvalue: number | object | null): number;
/** Registers that the text changes: "a0" to "a7", "t0" to "t6". Leaves nothing in the text. */
declare function asmClobber(...registers: string[]): number;
/** Per-CPU storage, module level only. current(): the running CPU's; the caller keeps preemption off, or reads one word. */
declare class PerCpu<T> { constructor(type: Struct<T>); private readonly t: T; current(): T; of(cpu: u32): T }

// ---- variable arguments: `...args: vararg[]` as the last parameter; each argument is one word, a 64-bit one two (low, high) ----
type vararg = number | bigint | boolean | string | object | null;
/** The words of a rest parameter, in order; their number is args.length. */
declare function vaWords(args: vararg[]): Ptr<u32>;
