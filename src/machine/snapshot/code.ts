/**
 * Before a restore: drops predecoded code that the restored memory would make wrong.
 *
 * Decoded code is a cache without influence on the model and stays, but for words of RAM whose bytes are about to
 * change, and, where the model sees which code was executed (tables.ts `codeBits`), for words first executed since:
 * they must come by the slow path again, to set their bits.
 */
import type { Board } from "../board.ts";
import type { Engine } from "../engine/index.ts";
import { PAGE_BYTES, PAGE_SHIFT } from "../engine/changed-pages.ts";
import type { Page, PageMap } from "./page-map.ts";

/** What snapshots need of a board. */
export type Memory = Pick<Board, "words" | "bytes" | "harts" | "ramOffset" | "ramBytes">;

const PAGE_WORDS = PAGE_BYTES / 4;
const ZEROES = new Int32Array(PAGE_WORDS);

const wordsOf = (page: Page): Int32Array =>
  page ? new Int32Array(page.buffer, page.byteOffset, PAGE_WORDS) : ZEROES;

/** Words of a page of RAM that differ from what comes back. */
function dropRewritten(board: Memory, engine: Engine, page: number, restored: Int32Array): void {
  const first = page * PAGE_WORDS;
  const offset = page * PAGE_BYTES - board.ramOffset;
  for (let at = 0; at < PAGE_WORDS; at++) {
    if (board.words[first + at] !== restored[at]) engine.dropCode(offset + at * 4);
  }
}

/** Words of RAM whose bit in a page of `codeBits` is to go. */
function dropExecuted(board: Memory, engine: Engine, page: number, restored: Int32Array): void {
  const first = page * PAGE_WORDS;
  const firstBit = (page * PAGE_BYTES - engine.tables.codeBits) * 8;
  for (let at = 0; at < PAGE_WORDS; at++) {
    let gone = board.words[first + at]! & ~restored[at]!;
    while (gone !== 0) {
      const bit = 31 - Math.clz32(gone);
      engine.dropCode((firstBit + at * 32 + bit) * 4);
      gone &= ~(1 << bit);
    }
  }
}

/** `pages` is what marked pages are about to become again. */
export function dropStaleCode(board: Memory, engine: Engine, pages: PageMap): void {
  const { tables, changes } = engine;
  const firstRam = board.ramOffset >>> PAGE_SHIFT;
  const endRam = firstRam + (board.ramBytes >>> PAGE_SHIFT);
  const firstBits = tables.codeBits >>> PAGE_SHIFT;
  const endBits = tables.trackedEnd >>> PAGE_SHIFT;
  const codeOf = (tables.codeOf >>> 2) - firstRam;
  // dropCode clears bits, which marks further pages.
  for (let at = 0; at < changes.count; at++) {
    const page = changes.page(at);
    if (page >= firstRam) {
      // Behind RAM are disks.
      if (page < endRam && board.words[codeOf + page] !== 0) dropRewritten(board, engine, page, wordsOf(pages.get(page)));
    } else if (page >= firstBits && page < endBits) {
      dropExecuted(board, engine, page, wordsOf(pages.get(page)));
    }
  }
}
