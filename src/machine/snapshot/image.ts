/**
 * Takes and restores snapshots of one machine's linear memory.
 *
 * RAM and the large tables are kept by 4 KiB pages, only those that changed since the last snapshot or restore
 * (engine/changed-pages.ts); everything else that a run changes is small and copied whole. After `restore` linear
 * memory is byte for byte as after `take`, but for what does not count: predecoded code (checked against the bytes that
 * come back), words that only live inside a call of `run`, and mark records beyond MARK_COUNT.
 *
 * `#base` is the map from which the machine's memory differs only in marked pages. Restoring another snapshot marks the
 * pages in which the two maps differ, so any number of them may be alive, in any order.
 */
import { assert } from "../../base/assert.ts";
import type { Engine } from "../engine/index.ts";
import { PAGE_BYTES, PAGE_SHIFT } from "../engine/changed-pages.ts";
import {
  DEVICE_BASE, HART_BASE, HART_STRIDE, MACHINE, MACHINE_SAVED_BYTES, MACHINE_WORD, MARK_BUFFER, MARK_BYTES,
} from "../memory/layout.ts";
import { dropStaleCode, type Memory } from "./code.ts";
import { PageMap, type Page } from "./page-map.ts";

export interface Image {
  readonly pages: PageMap;
  /** The parts of `copiedParts`, in that order. */
  readonly copies: readonly Uint8Array[];
  /** Mark records that nobody has drained. */
  readonly marks: Uint8Array;
  /** Access records, likewise. */
  readonly accesses: Uint8Array;
}

interface Part {
  readonly from: number;
  readonly to: number;
}

/** What is small and copied whole: harts, devices, loop, TLBs and caches with what is derived from them. */
export function copiedParts(board: Memory, engine: Engine): readonly Part[] {
  const { tables } = engine;
  return [
    { from: HART_BASE, to: HART_BASE + board.harts * HART_STRIDE },
    { from: DEVICE_BASE, to: MACHINE },
    { from: MACHINE, to: MACHINE + MACHINE_SAVED_BYTES },
    { from: tables.contexts, to: tables.copiedEnd },
  ];
}

export class ImageStore {
  readonly #board: Memory;
  readonly #engine: Engine;
  readonly #parts: readonly Part[];
  #base: PageMap;

  constructor(board: Memory, engine: Engine) {
    this.#board = board;
    this.#engine = engine;
    this.#parts = copiedParts(board, engine);
    this.#base = PageMap.empty(board.bytes.length >>> PAGE_SHIFT);
  }

  take(): Image {
    const { bytes, words } = this.#board;
    this.#engine.withdrawWrites();
    this.#base = this.#base.with(this.#changedPages());
    this.#engine.changes.clear();
    const marked = words[MACHINE_WORD.MARK_COUNT >>> 2]! * MARK_BYTES;
    return {
      pages: this.#base,
      copies: this.#parts.map(({ from, to }) => bytes.slice(from, to)),
      marks: bytes.slice(MARK_BUFFER, MARK_BUFFER + marked),
      accesses: bytes.slice(this.#engine.tables.accesses, words[MACHINE_WORD.ACCESS_NEXT >>> 2]!),
    };
  }

  /** Marked pages with what they hold now, copied into one piece. */
  #changedPages(): [page: number, content: Page][] {
    const { changes } = this.#engine;
    const { bytes } = this.#board;
    const copy = new Uint8Array(changes.count * PAGE_BYTES);
    return Array.from({ length: changes.count }, (_, at) => {
      const page = changes.page(at);
      const content = copy.subarray(at * PAGE_BYTES, (at + 1) * PAGE_BYTES);
      content.set(bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES));
      return [page, content];
    });
  }

  restore(image: Image): void {
    const { bytes } = this.#board;
    const { changes } = this.#engine;
    const { pages } = image;
    if (pages !== this.#base) pages.differences(this.#base, (page) => changes.mark(page));
    dropStaleCode(this.#board, this.#engine, pages);
    const { count } = changes;
    for (let at = 0; at < count; at++) {
      const page = changes.page(at);
      const content = pages.get(page);
      if (content) bytes.set(content, page * PAGE_BYTES);
      else bytes.fill(0, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
    }
    changes.clear();
    this.#base = pages;
    for (let at = 0; at < this.#parts.length; at++) bytes.set(image.copies[at]!, this.#parts[at]!.from);
    bytes.set(image.marks, MARK_BUFFER);
    const { accesses } = this.#engine.tables;
    bytes.set(image.accesses, accesses);
    this.#board.words[MACHINE_WORD.ACCESS_NEXT >>> 2] = accesses + image.accesses.length;
    assert(
      this.#board.words[MACHINE_WORD.MARK_COUNT >>> 2]! * MARK_BYTES === image.marks.length,
      "snapshot: the count of mark records goes with them",
    );
  }
}
