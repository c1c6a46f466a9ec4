/**
 * Type entries of `.debug_info` from the names in `.hartlab`: scalars, `T*`, `T[n]` (read from the
 * end, so `u32[4][2]` is two arrays of four), `function*`, `string`, and structures by name.
 * Entries are made on first use.
 */
import type { StructInfo } from "../../../base/hartlab-section.ts";
import type { ByteWriter, StringTable } from "../bytes.ts";
import { ABBREV } from "./abbrev.ts";
import { ATE } from "./constants.ts";

const SCALARS: Readonly<Record<string, { readonly size: number; readonly encoding: number }>> = {
  u8: { size: 1, encoding: ATE.unsigned },
  i8: { size: 1, encoding: ATE.signed },
  u16: { size: 2, encoding: ATE.unsigned },
  i16: { size: 2, encoding: ATE.signed },
  u32: { size: 4, encoding: ATE.unsigned },
  usize: { size: 4, encoding: ATE.unsigned },
  i32: { size: 4, encoding: ATE.signed },
  u64: { size: 8, encoding: ATE.unsigned },
  i64: { size: 8, encoding: ATE.signed },
  char: { size: 1, encoding: ATE.signed_char },
};
const ARRAY = /^(.*)\[(\d+)\]$/;

export class TypeEntries {
  private readonly out: ByteWriter;
  private readonly strings: StringTable;
  private readonly structs: Readonly<Record<string, StructInfo>>;
  /** Offset of each entry inside the unit. */
  private readonly offsets = new Map<string, number>();
  private readonly waiting: { name: string; size: number }[] = [];
  private readonly references: { at: number; key: string }[] = [];
  private readonly headerBytes: number;

  /** `out` starts `headerBytes` behind the start of the unit. */
  constructor(
    out: ByteWriter,
    headerBytes: number,
    strings: StringTable,
    structs: Readonly<Record<string, StructInfo>>,
  ) {
    this.out = out;
    this.headerBytes = headerBytes;
    this.strings = strings;
    this.structs = structs;
  }

  /** Writes a reference to the type; `size` tells how wide a boolean is. */
  reference(type: string, size: number): void {
    const name = type.replace(/ \| null$/, "").trim();
    const key = name === "boolean" || !this.isKnown(name) ? `${name}:${size}` : name;
    if (!this.offsets.has(key)) {
      this.offsets.set(key, 0);
      this.waiting.push({ name, size });
    }
    this.references.push({ at: this.out.length, key });
    this.out.u32(0);
  }

  private isKnown(name: string): boolean {
    return (
      name in SCALARS ||
      name in this.structs ||
      name.endsWith("*") ||
      ARRAY.test(name) ||
      name === "string" ||
      name === "function" ||
      name === "void"
    );
  }

  /** Writes every entry that was asked for, and those which they need. */
  flush(): void {
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      const key =
        next.name === "boolean" || !this.isKnown(next.name)
          ? `${next.name}:${next.size}`
          : next.name;
      this.offsets.set(key, this.out.length + this.headerBytes);
      this.entry(next.name, next.size);
    }
    for (const r of this.references) this.out.patch32(r.at, this.offsets.get(r.key) ?? 0);
  }

  private entry(name: string, size: number): void {
    const array = ARRAY.exec(name);
    const struct = Object.hasOwn(this.structs, name) ? this.structs[name] : undefined;
    if (struct) {
      this.struct(name, struct);
      return;
    }
    if (name === "string") {
      this.pointer("char");
      return;
    }
    if (name.endsWith("*")) {
      this.pointer(name.slice(0, -1));
      return;
    }
    if (name === "function") {
      this.out.uleb(ABBREV.routine);
      return;
    }
    if (array) {
      const count = Number(array[2]);
      this.out.uleb(ABBREV.array);
      this.reference(array[1], count > 0 ? size / count : size);
      this.out.uleb(ABBREV.bound).uleb(count).u8(0);
      return;
    }
    const scalar = Object.hasOwn(SCALARS, name) ? SCALARS[name] : undefined;
    const encoding = scalar?.encoding ?? (name === "boolean" ? ATE.boolean : ATE.unsigned);
    this.out
      .uleb(ABBREV.base)
      .u32(this.strings.offset(name))
      .u8(scalar?.size ?? size)
      .u8(encoding);
  }

  private pointer(target: string): void {
    if (target === "void") {
      this.out.uleb(ABBREV.voidPointer).u8(4);
      return;
    }
    if (!this.isKnown(target) && target !== "boolean") {
      this.out.uleb(ABBREV.voidPointer).u8(4);
      return;
    }
    this.out.uleb(ABBREV.pointer).u8(4);
    this.reference(target, 1);
  }

  private struct(name: string, struct: StructInfo): void {
    this.out.uleb(ABBREV.struct).u32(this.strings.offset(name)).uleb(struct.size);
    for (const field of struct.fields) {
      this.out.uleb(ABBREV.member).u32(this.strings.offset(field.name));
      this.reference(field.type, field.size);
      this.out.uleb(field.offset);
    }
    this.out.u8(0);
  }
}
