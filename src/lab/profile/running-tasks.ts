/** The task that each hart runs, from marks alone; nothing else of them is looked at. */
import { MARK_BYTES, MARK_WORD } from "../../machine/memory/layout.ts";
import { CODE, type EventNumbers } from "../observe/events.ts";
import type { Consume } from "../observe/merge.ts";

const RECORD_WORDS = MARK_BYTES / 4;
const HARTS = 64;

export class RunningTasks {
  readonly #codeOf: Uint8Array;
  readonly #tasks = new Float64Array(HARTS);

  constructor(numbers: EventNumbers) {
    this.#codeOf = numbers.codeOf;
  }

  consume: Consume = (words, count) => {
    for (let at = 0; at < count * RECORD_WORDS; at += RECORD_WORDS) {
      const head = words[at + MARK_WORD.HEAD]!;
      if (this.#codeOf[(head >>> 8) & 0x7ff] === CODE.taskSwitch) this.#tasks[head & 0xff] = words[at + MARK_WORD.C]! >>> 0;
    }
  };

  /** Address of the task_struct; 0 before the hart's first switch. */
  on(hart: number): number {
    return this.#tasks[hart]!;
  }
}
