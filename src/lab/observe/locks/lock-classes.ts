/**
 * Names and numbers of lock classes (ABI.md section 7).
 *
 * A lock initialised with a name belongs to the class whose key is the string's address; another string with the same text
 * is another class and shows as `name#2`. A static lock is its own class, named by symbol and field path. Subclass n of a
 * class shows as `name/n`.
 */
import type { Symbols } from "../../image/symbols.ts";

const SUBCLASSES = 8;
/** As Linux's MAX_LOCKDEP_KEYS; locks of further classes share one, whose name says so. */
export const CLASSES_MAX = 8192;
export const TOO_MANY_CLASSES = "(beyond 8192 lock classes)";

export class LockClasses {
  readonly names: string[] = [];
  /** What makes each a class: the address of its name, or of the first lock seen. */
  readonly keys: number[] = [];
  readonly #symbols: Symbols;
  readonly #constantString: (address: number) => string | null;
  readonly #byKey = new Map<number | string, number>();
  readonly #uses = new Map<string, number>();
  /** class * SUBCLASSES + n -> class. */
  readonly #subclasses = new Map<number, number>();

  constructor(symbols: Symbols, constantString: (address: number) => string | null) {
    this.#symbols = symbols;
    this.#constantString = constantString;
  }

  /** The class of locks initialised with the string at `nameAddress`. */
  named(nameAddress: number): number {
    const known = this.#byKey.get(nameAddress);
    if (known !== undefined) return known;
    const text = this.#constantString(nameAddress) ?? `0x${nameAddress.toString(16)}`;
    return this.#add(nameAddress, text, nameAddress);
  }

  /** The class of a lock that was never given a name: module-level or per-CPU storage. */
  ofStorage(lock: number, percpuStarts: Iterable<number>): number {
    const name =
      this.#symbols.storageName(lock, percpuStarts) ?? `0x${lock.toString(16).padStart(8, "0")}`;
    return this.#byKey.get(name) ?? this.#add(name, name, lock);
  }

  /** Subclass n of a class; 0 is the class itself. */
  subclass(base: number, n: number): number {
    if (n === 0) return base;
    const key = base * SUBCLASSES + (n & (SUBCLASSES - 1));
    const known = this.#subclasses.get(key);
    if (known !== undefined) return known;
    const derived = this.#push(`${this.names[base]}/${n}`, this.keys[base]);
    this.#subclasses.set(key, derived);
    return derived;
  }

  #add(key: number | string, text: string, address: number): number {
    const uses = (this.#uses.get(text) ?? 0) + 1;
    this.#uses.set(text, uses);
    const index = this.#push(uses === 1 ? text : `${text}#${uses}`, address);
    if (index < CLASSES_MAX) this.#byKey.set(key, index);
    return index;
  }

  #push(name: string, key: number): number {
    if (this.names.length < CLASSES_MAX) {
      this.keys.push(key);
      return this.names.push(name) - 1;
    }
    this.names[CLASSES_MAX] = TOO_MANY_CLASSES;
    return CLASSES_MAX;
  }
}
