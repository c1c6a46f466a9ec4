/** The first mebibyte of what the guest said, for a JSON document. */
const BYTES_MAX = 1024 ** 2;

export class ConsoleLog {
  truncated = false;
  /** Whether the guest's last line is finished. */
  endsLine = true;
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.endsLine = bytes.at(-1) === 0x0a;
    const room = BYTES_MAX - this.#bytes;
    if (bytes.length > room) this.truncated = true;
    const kept = bytes.slice(0, room);
    this.#bytes += kept.length;
    if (kept.length > 0) this.#chunks.push(kept);
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}
