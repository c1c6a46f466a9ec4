/**
 * Machine code of functions, kept between builds under a name that says everything it was made from: the function's IR
 * (canonical.ts), where its per-CPU variables lie, the passes that were left out, and the compiler itself. Code from here is
 * the code that the back end would make again, so an image has the same bytes with a full cache, an empty one and none.
 *
 *   text form: one line of head (`hartlab-functions VERSION DIGEST`), then for each function its name, a tab and its code as JSON
 *
 * A text that another version wrote, that was cut off or that has any byte changed is empty to us: DIGEST covers all that
 * follows the head. It guards against damage, not against who can write a digest: such a one can write the compiler. What was not used for longest is forgotten when the cache grows beyond BYTES_MAX.
 */
import type { AsmFunction } from "../assembly.ts";
import type { IrFunction, LocationId } from "../ir.ts";
import { canonicalText, type Canonical } from "./canonical.ts";

const HEAD = "hartlab-functions";
/** Of all names and code; a kernel takes four to ten million, its variants one or two more each. */
const BYTES_MAX = 64 << 20;
/** Of the text form, which is read and hashed as a whole: what was used last. */
const TEXT_MAX = 8 << 20;

/** SHA-256 in hexadecimal. */
export type Hash = (text: string) => string;

export class FunctionCache {
  /** Code as JSON by name; those used last are at the end. */
  readonly #known = new Map<string, string>();
  #bytes = 0;
  #unsaved = 0;
  readonly #hash: Hash;
  readonly #version: string;
  readonly #bytesMax: number;
  hits = 0;
  misses = 0;

  /** `version` must change whenever the compiler's output may; `text` is what `text()` gave earlier, or anything. */
  constructor(hash: Hash, version: string, text: string | null = null, bytesMax = BYTES_MAX) {
    this.#bytesMax = bytesMax;
    this.#hash = hash;
    this.#version = version;
    if (text !== null) this.#read(text);
  }

  /** The code of `fn`: kept, or made now. `context` is what it depends on besides the function. `make` may change `fn`. */
  code(fn: IrFunction, context: string, make: () => AsmFunction): AsmFunction {
    const canonical = canonicalText(fn);
    const name = this.#hash(`${context}\n${canonical.text}`);
    const kept = this.#known.get(name);
    if (kept !== undefined) {
      this.hits++;
      this.#known.delete(name);
      this.#known.set(name, kept);
      return withLocations(JSON.parse(kept), canonical.locations) as AsmFunction;
    }
    this.misses++;
    this.#unsaved++;
    const made = make();
    const text = encode(made, canonical);
    if (text !== null) this.#keep(name, text);
    return made;
  }

  #keep(name: string, code: string): void {
    this.#known.set(name, code);
    this.#bytes += name.length + code.length;
    for (const [oldest, forgotten] of this.#known) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#known.delete(oldest);
      this.#bytes -= oldest.length + forgotten.length;
    }
  }

  /** Functions compiled since the last `text()`. */
  get unsaved(): number {
    return this.#unsaved;
  }

  /** To be kept for the next process; the oldest are left out beyond TEXT_MAX. */
  text(): string {
    this.#unsaved = 0;
    let bytes = 0;
    const lines = [...this.#known].reverse().flatMap(([name, code]) => ((bytes += name.length + code.length) <= TEXT_MAX ? [`${name}\t${code}`] : []));
    const body = lines.reverse().join("\n");
    return `${HEAD} ${this.#version} ${this.#hash(body)}\n${body}`;
  }

  #read(text: string): void {
    const end = text.indexOf("\n");
    const body = text.slice(end + 1);
    if (end < 0 || text.slice(0, end) !== `${HEAD} ${this.#version} ${this.#hash(body)}`) return;
    for (const line of body.split("\n")) {
      const tab = line.indexOf("\t");
      if (tab > 0) this.#keep(line.slice(0, tab), line.slice(tab + 1));
    }
  }
}

/** JSON in which locations are indices into those of the function; null for code with a location that is not among them. */
function encode(made: AsmFunction, { locations }: Canonical): string | null {
  const indexOf = new Map(locations.map((loc, i) => [loc, i]));
  let foreign = false;
  const text = JSON.stringify(made, (key, field: unknown) => {
    if (key !== "loc") return field;
    const index = indexOf.get(field as LocationId);
    foreign ||= index === undefined;
    return index;
  });
  return foreign ? null : text;
}

/** Puts locations in the place of their indices, all the way down. */
function withLocations(x: unknown, locations: readonly LocationId[]): unknown {
  if (Array.isArray(x)) for (const item of x) withLocations(item, locations);
  else if (typeof x === "object" && x !== null) {
    const fields = x as Record<string, unknown>;
    for (const key in fields) {
      const field = fields[key];
      if (key === "loc") fields[key] = locations[field as number];
      else if (typeof field === "object") withLocations(field, locations);
    }
  }
  return x;
}
