/**
 * An IR function as text that does not say where its source stands: the name under which its code may be kept.
 *
 * Everything that is reachable from the function is written, field by field, so a field that is added to the IR is part of the
 * name by itself. Values and blocks are written where they are listed and by their number elsewhere. A field `loc` is written
 * as the index of the location among those of the function, in order of first appearance: the passes only hand locations
 * on, so code that moved to other lines, or whose locations are numbered otherwise, keeps its name.
 */
import { assert } from "../../base/assert.ts";
import type { Block, IrFunction, LocationId, Value } from "../ir.ts";

export interface Canonical {
  readonly text: string;
  /** Locations by their index in the text; index 0 is always location 0, "nowhere". */
  readonly locations: readonly LocationId[];
}

export function canonicalText(fn: IrFunction): Canonical {
  const writer = new Writer();
  const { blocks, variables, ...head } = fn;
  writer.plain(head);
  for (const block of blocks) writer.block(block);
  if (variables) writer.parts.push(variables.describe(writer.locations, (loc) => writer.location(loc)));
  return { text: writer.parts.join(""), locations: writer.locations };
}

class Writer {
  readonly parts: string[] = [];
  readonly locations: LocationId[] = [0];
  readonly #indexOf = new Map<LocationId, number>([[0, 0]]);

  block(block: Block): void {
    const { values, ...rest } = block;
    this.parts.push("\nB");
    this.plain(rest);
    for (const value of values) this.value(value);
  }

  value({ id, op, args, x, loc, ...rest }: Value): void {
    let text = `\n${id} ${op}`;
    for (const arg of args) text += ` ${arg.id}`;
    this.parts.push(text, `@${this.location(loc)}`);
    for (const _ in x) {
      this.plain(x);
      break;
    }
    for (const _ in rest) {
      this.plain(rest);
      break;
    }
  }

  location(loc: LocationId): number {
    let index = this.#indexOf.get(loc);
    if (index === undefined) {
      index = this.locations.length;
      this.locations.push(loc);
      this.#indexOf.set(loc, index);
    }
    return index;
  }

  plain(x: unknown): void {
    if (typeof x !== "object" || x === null) {
      this.parts.push(x === undefined ? "-" : JSON.stringify(x));
    } else if (Array.isArray(x)) {
      this.parts.push("[");
      for (const item of x) this.reference(item);
      this.parts.push("]");
    } else {
      const prototype: unknown = Object.getPrototypeOf(x);
      assert(prototype === Object.prototype, "function cache: the IR holds plain objects only");
      this.parts.push("{");
      for (const [key, field] of Object.entries(x)) {
        this.parts.push(key, ":");
        if (key === "loc") this.parts.push(String(this.location(field as LocationId)));
        else this.reference(field);
      }
      this.parts.push("}");
    }
  }

  /** Values and blocks by number; anything else as it is. */
  reference(x: unknown): void {
    if (typeof x === "object" && x !== null && "id" in x) this.parts.push("#", String((x as { id: number }).id));
    else this.plain(x);
    this.parts.push(",");
  }
}
