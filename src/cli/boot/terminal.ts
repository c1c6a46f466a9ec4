/**
 * The user's terminal as the guest's console: raw mode, so that every key reaches the guest; Ctrl-A is ours, as in QEMU:
 *
 *   Ctrl-A X   leave         Ctrl-A A   send one Ctrl-A         Ctrl-A H   say so
 *
 * Raw mode ends with the process, however it ends.
 */
import type { Terminal } from "./session.ts";

const CTRL_A = 1;
const HELP = "\r\nhartlab: Ctrl-A X leaves, Ctrl-A A sends Ctrl-A to the guest\r\n";

export class UserTerminal implements Terminal {
  left = false;
  #typed: number[] = [];
  #escaped = false;
  #wake: (() => void) | null = null;
  readonly #input: NodeJS.ReadStream;
  readonly #onData = (bytes: Uint8Array): void => this.#receive(bytes);
  readonly #restore = (): void => {
    try {
      this.#input.setRawMode(false);
    } catch {
      // The terminal is gone, as after SIGHUP.
    }
  };

  constructor(input: NodeJS.ReadStream) {
    this.#input = input;
    input.setRawMode(true);
    process.once("exit", this.#restore);
    input.on("data", this.#onData);
    input.resume();
  }

  close(): void {
    this.#input.off("data", this.#onData);
    this.#input.pause();
    process.off("exit", this.#restore);
    this.#restore();
  }

  take(): Uint8Array {
    const typed = Uint8Array.from(this.#typed);
    this.#typed = [];
    return typed;
  }

  wait(milliseconds: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        done();
      };
    });
  }

  #receive(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (!this.#escaped && byte === CTRL_A) {
        this.#escaped = true;
        continue;
      }
      if (!this.#escaped) this.#typed.push(byte);
      else if (byte === CTRL_A || byte === 0x61) this.#typed.push(CTRL_A);
      else if (byte === 0x78 || byte === 0x58) this.left = true;
      else if (byte === 0x68 || byte === 0x48 || byte === 0x3f) process.stderr.write(HELP);
      this.#escaped = false;
    }
    this.#wake?.();
    this.#wake = null;
  }
}
