/** What the marks tell of each task: when it came to a hart and left it, when it was woken, and in which queue it waits. */
import { NO_STACK, type Stack } from "../moment.ts";

/** A mark of somebody. */
export interface Event {
  readonly task: number;
  readonly stack: Stack;
}

export class TaskHistory {
  /** Where it last left a hart; clock 0: it never has. */
  left: Stack = NO_STACK;
  /** The hart that runs it, since when; -1: none. */
  hart = -1;
  entered = 0;
  /** When it was last made runnable. */
  woken = 0;
  /** The queue that it last stood in, since when, and when it had stood in that before. */
  queue = 0;
  queued: Stack = NO_STACK;
  queuedBefore = 0;
  /** The last wake-up that found it awake; null: none. */
  futile: Event | null = null;
  ended = false;
}

export class Histories {
  readonly #tasks: (TaskHistory | undefined)[] = [];
  /** By wait queue: its last wake-up, if that found nobody. */
  readonly #inVain = new Map<number, Event>();

  of(task: number): TaskHistory {
    this.#tasks[task] ??= new TaskHistory();
    return this.#tasks[task];
  }

  created(task: number, clock: number): void {
    this.#tasks[task] = new TaskHistory();
    this.#tasks[task].woken = clock;
  }

  endedTasks(): number[] {
    return this.#tasks.flatMap((one, task) => (one?.ended ? task : []));
  }

  ended(task: number): void {
    this.of(task).ended = true;
  }

  switched(previous: number, next: number, stack: Stack): void {
    const from = this.of(previous);
    from.left = stack;
    from.hart = -1;
    const to = this.of(next);
    to.hart = stack.hart;
    to.entered = stack.clock;
  }

  woke(task: number, succeeded: boolean, by: number, stack: Stack): void {
    const history = this.of(task);
    if (succeeded) history.woken = stack.clock;
    else history.futile = { task: by, stack };
  }

  waits(task: number, queue: number, stack: Stack): void {
    const history = this.of(task);
    history.queuedBefore = history.queue === queue ? history.queued.clock : 0;
    history.queue = queue;
    history.queued = stack;
  }

  wokeQueue(queue: number, woken: number, by: number, stack: Stack): void {
    if (woken > 0) this.#inVain.delete(queue);
    else this.#inVain.set(queue, { task: by, stack });
  }

  /** The queue in which a sleeping task waits; 0: it sleeps otherwise. */
  queueOf(task: number): number {
    const { queue, queued, left, entered } = this.of(task);
    return queued.clock >= entered && queued.clock <= left.clock ? queue : 0;
  }

  /**
   * The wake-up that a sleeping task has missed, because it came when the task had looked at its condition already and did not sleep yet;
   * null: there was none. A task that has looked again since then (has stood in the queue anew) has missed nothing.
   */
  missedBy(task: number): Event | null {
    const { futile, woken, left, queued, queuedBefore } = this.of(task);
    const queue = this.queueOf(task);
    const vain = queue === 0 ? undefined : this.#inVain.get(queue);
    if (vain !== undefined && vain.stack.clock > Math.max(woken, queuedBefore) && vain.stack.clock <= queued.clock) return vain;
    return futile !== null && queue === 0 && futile.stack.clock > woken && futile.stack.clock < left.clock ? futile : null;
  }
}
