/** What the heap checker reports. */
import type { Form, Raw } from "../moment.ts";

export type HeapKind =
  | "use-after-free"
  | "out-of-bounds"
  | "double-free"
  | "invalid-free"
  | "uninit-value";

/** What the memory belongs to: objects of a cache, pages that kmalloc hands out, vmalloc, or whole pages. */
export type HeapArea = "slab" | "kmalloc" | "vmalloc" | "page";

/** Who allocated or freed a block. */
export interface HeapEvent<F extends Form = Raw> {
  readonly task: F["task"];
  readonly stack: F["stack"];
}

export interface HeapBlock<F extends Form = Raw> {
  readonly address: F["address"];
  readonly size: number;
  readonly area: HeapArea;
  /** Name of the slab cache; null: none. */
  readonly cache: string | null;
  readonly allocated: HeapEvent<F>;
  readonly freed: HeapEvent<F> | null;
}

export interface HeapReport<F extends Form = Raw> {
  readonly kind: HeapKind;
  readonly area: HeapArea;
  /** How often it was seen at this place; only the first is told. */
  count: number;
  readonly access: "read" | "write" | "free";
  readonly size: number;
  readonly address: F["address"];
  readonly hart: number;
  readonly task: F["task"];
  readonly stack: F["stack"];
  /** The nearest block that was ever there; null: none is known. */
  readonly block: HeapBlock<F> | null;
  /** Distance of the address from the block's start. */
  readonly offset: number;
  /** States of the bytes around it, from 32 bytes before the address rounded down to 16. */
  readonly around: readonly number[];
}
