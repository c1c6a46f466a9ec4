/** Records of who wakes whom, who waits for what, and what is not as it should be. */
import { MARK_WORD } from "../../machine/memory/layout.ts";
import { CODE } from "./events.ts";
import type { Observation } from "./observation.ts";
import { irqsOn, stackOf } from "./record.ts";

export class SignalRecords {
  readonly #observers: Observation;

  constructor(observers: Observation) {
    this.#observers = observers;
  }

  /** One record. */
  take(code: number, words: Int32Array, at: number, hart: number, clock: number): void {
    const { progress, contexts, currentTasks, quiescence } = this.#observers;
    const { histories, livelock } = progress;
    const c = words[at + MARK_WORD.C];
    const a = words[at + MARK_WORD.A];
    const task = currentTasks.task[hart];
    const stack = stackOf(words, at, hart, clock);
    switch (code) {
      case CODE.wake:
        histories.woke(currentTasks.numberOf(c), a !== 0, task, stack);
        break;
      case CODE.wait:
        histories.waits(task, c, stack);
        break;
      case CODE.wakeUp:
        histories.wokeQueue(c, a, task, stack);
        break;
      case CODE.gpStart:
        progress.gracePeriodBegan(c, clock);
        break;
      case CODE.gpEnd:
        progress.gracePeriodEnded();
        break;
      case CODE.rcuCall:
        progress.callbackQueued(c, task);
        quiescence.callbackQueued(c, a, task, stack);
        break;
      case CODE.rcuInvoke:
        progress.callbackInvoked(c, clock);
        quiescence.callbackInvoked(c);
        break;
      case CODE.point:
        livelock.progressed(task);
        break;
      case CODE.atomicSleep:
        contexts.slept(a, c, histories.of(task).entered, irqsOn(words, at), task, stack);
        break;
      case CODE.unbalanced:
        contexts.unbalanced(a, c, irqsOn(words, at), task, stack);
        break;
    }
  }
}
