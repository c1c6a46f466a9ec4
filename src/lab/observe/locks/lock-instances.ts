/** Locks by address -> small numbers, and the class of each. */
import type { LockClasses } from "./lock-classes.ts";
import { WordMap } from "../word-map.ts";

export class LockInstances {
  readonly classes: LockClasses;
  readonly #percpuStarts: () => Iterable<number>;
  readonly #locks = new WordMap();
  readonly #addresses: number[] = [];
  /** Class by number. */
  readonly #classOf: number[] = [];

  constructor(classes: LockClasses, percpuStarts: () => Iterable<number>) {
    this.classes = classes;
    this.#percpuStarts = percpuStarts;
  }

  get size(): number {
    return this.#classOf.length;
  }

  /** LOCK_INIT: on reused memory a new instance begins, of another class perhaps; it keeps the number. */
  init(lock: number, nameAddress: number): number {
    const index = this.#locks.findOrAdd(lock);
    this.#addresses[index] = lock;
    this.#classOf[index] =
      nameAddress === 0 ? this.#storageClass(lock) : this.classes.named(nameAddress >>> 0);
    return index;
  }

  /** The lock's number; its class comes from its address when it was never initialised. */
  known(lock: number): number {
    const found = this.#locks.find(lock);
    if (found >= 0) return found;
    const index = this.#locks.findOrAdd(lock);
    this.#addresses[index] = lock;
    this.#classOf[index] = this.#storageClass(lock);
    return index;
  }

  addressOf(lock: number): number {
    return this.#addresses[lock] >>> 0;
  }

  classOf(lock: number, subclass: number): number {
    const base = this.#classOf[lock];
    return subclass === 0 ? base : this.classes.subclass(base, subclass);
  }

  #storageClass(lock: number): number {
    return this.classes.ofStorage(lock >>> 0, this.#percpuStarts());
  }
}
