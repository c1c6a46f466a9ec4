/**
 * The `.hartlab` ELF section: what the compiler tells the lab about an image (ABI.md section 1).
 * JSON, UTF-8, not loaded. The compiler writes it, the lab reads nothing else about the kernel.
 * Addresses are virtual, as linked, unsigned.
 */

export const HARTLAB_SECTION = ".hartlab";
export const HARTLAB_SECTION_VERSION = 1;

export interface HartlabSection {
  readonly version: typeof HARTLAB_SECTION_VERSION;
  /** const enums of kernel/abi: enum name -> member -> value. */
  readonly enums: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Every class whose storage exists in the image, by name. */
  readonly structs: Readonly<Record<string, StructInfo>>;
  /** Every configuration key with the value it was built with. */
  readonly config: Readonly<Record<string, string | number | boolean>>;
  /** Names in the .tasks section, in its order. */
  readonly tasks: readonly string[];
  readonly files: readonly string[];
  readonly functions: readonly FunctionInfo[];
  /** Module-level storage with its structure, so that a lock's address becomes `symbol.field.path`. */
  readonly statics: readonly StaticInfo[];
  /** Per-CPU template: offset from the start of the per-CPU section. */
  readonly percpu: readonly StaticInfo[];
  /** Rows sorted by address: from this address on, until the next row, this place. */
  readonly lines: readonly LineRow[];
  readonly accesses: AccessKinds;
}

/**
 * Loads and stores whose kind their encoding does not tell; all others are plain, or AMO, LR and SC. In order of address, each as its
 * distance in instructions (4 bytes) from the one before it; the first from address 0.
 */
export interface AccessKinds {
  /** READ_ONCE and WRITE_ONCE. */
  readonly once: readonly number[];
  /** Within data_race(), or of literal assembly: nobody asks how they are ordered. */
  readonly excused: readonly number[];
}

/** Events of the marks that ASSERT_EXCLUSIVE_WRITER and ASSERT_EXCLUSIVE_ACCESS make: c is the address, a the size in bytes. */
export const EXCLUSIVE_MARK = { WRITER: 0x6f0, ACCESS: 0x6f1 } as const;

export interface StructInfo {
  readonly size: number;
  readonly fields: readonly { readonly name: string; readonly offset: number; readonly type: string; readonly size: number }[];
}

export interface FunctionInfo {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  /** Index in `files`; line of the declaration. */
  readonly file: number;
  readonly line: number;
  /** It has no frame: its return address stays in ra. Absent: it has one. */
  readonly leaf?: true;
}

export interface StaticInfo {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  /** A class name in `structs`, or a scalar type such as `u32`. */
  readonly type: string;
}

/** [address, file index, line, inline frames from the innermost outwards: callee name, call site's file and line]. */
export type LineRow = readonly [
  address: number,
  file: number,
  line: number,
  inlined: readonly (readonly [callee: string, callFile: number, callLine: number])[],
];
