/**
 * What every 4 KiB page of linear memory held at a snapshot, by page number; null: zeroes.
 *
 * Immutable, in chunks shared between the maps of one machine: a new map costs the chunks in which something changed,
 * and two maps are compared by the chunks they do not share.
 */
const CHUNK_SHIFT = 8;
const CHUNK_PAGES = 1 << CHUNK_SHIFT;

/** 4096 bytes that nobody writes. */
export type Page = Uint8Array | null;
type Chunk = readonly Page[] | null;

export class PageMap {
  readonly #chunks: readonly Chunk[];

  private constructor(chunks: readonly Chunk[]) {
    this.#chunks = chunks;
  }

  static empty(pages: number): PageMap {
    return new PageMap(Array.from({ length: Math.ceil(pages / CHUNK_PAGES) }, () => null));
  }

  get(page: number): Page {
    return this.#chunks[page >>> CHUNK_SHIFT]?.[page & (CHUNK_PAGES - 1)] ?? null;
  }

  /** This map with other contents for some pages. */
  with(changes: readonly (readonly [page: number, content: Page])[]): PageMap {
    const chunks: (Page[] | null | readonly Page[])[] = [...this.#chunks];
    const own = new Map<number, Page[]>();
    for (const [page, content] of changes) {
      const at = page >>> CHUNK_SHIFT;
      let chunk = own.get(at);
      if (!chunk) {
        chunk = this.#chunks[at]?.slice() ?? new Array<Page>(CHUNK_PAGES).fill(null);
        own.set(at, chunk);
        chunks[at] = chunk;
      }
      chunk[page & (CHUNK_PAGES - 1)] = content;
    }
    return new PageMap(chunks);
  }

  /** Pages whose contents the two maps do not share. */
  differences(other: PageMap, visit: (page: number) => void): void {
    this.#chunks.forEach((chunk, at) => {
      const theirs = other.#chunks[at]!;
      if (chunk === theirs) return;
      for (let i = 0; i < CHUNK_PAGES; i++) {
        if ((chunk?.[i] ?? null) !== (theirs?.[i] ?? null)) visit(at * CHUNK_PAGES + i);
      }
    });
  }

  /** Pages that are not all zeroes by name, in order. */
  forEach(visit: (page: number, content: Uint8Array) => void): void {
    this.#chunks.forEach((chunk, at) => {
      chunk?.forEach((content, i) => {
        if (content) visit(at * CHUNK_PAGES + i, content);
      });
    });
  }
}
