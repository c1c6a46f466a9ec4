/** A growing little-endian byte buffer with the variable-length numbers that DWARF uses. */
const encoder = new TextEncoder();

export class ByteWriter {
  length = 0;
  private buffer = new Uint8Array(256);

  private reserve(count: number): void {
    if (this.length + count <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.length + count));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }

  u8(value: number): this {
    this.reserve(1);
    this.buffer[this.length++] = value;
    return this;
  }

  u16(value: number): this {
    return this.u8(value).u8(value >>> 8);
  }

  u32(value: number): this {
    this.reserve(4);
    this.patch32(this.length, value);
    this.length += 4;
    return this;
  }

  /** Unsigned LEB128. */
  uleb(value: number): this {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    return this.u8(rest);
  }

  /** Signed LEB128. */
  sleb(value: number): this {
    let rest = value | 0;
    while (rest < -64 || rest > 63) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    return this.u8(rest & 0x7f);
  }

  /** UTF-8, with a zero byte behind it. */
  string(text: string): this {
    return this.raw(encoder.encode(text)).u8(0);
  }

  raw(bytes: Uint8Array | readonly number[]): this {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  /** Zero bytes up to a multiple of `alignment`. */
  align(alignment: number): this {
    while (this.length % alignment !== 0) this.u8(0);
    return this;
  }

  /** Overwrites a word that was written before. */
  patch32(at: number, value: number): void {
    this.buffer[at] = value;
    this.buffer[at + 1] = value >>> 8;
    this.buffer[at + 2] = value >>> 16;
    this.buffer[at + 3] = value >>> 24;
  }

  bytes(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }
}

/** A string table: each string once, offset 0 is the empty one. */
export class StringTable {
  readonly writer = new ByteWriter().u8(0);
  private readonly offsets = new Map<string, number>([["", 0]]);

  offset(text: string): number {
    let at = this.offsets.get(text);
    if (at === undefined) {
      at = this.writer.length;
      this.offsets.set(text, at);
      this.writer.string(text);
    }
    return at;
  }
}
