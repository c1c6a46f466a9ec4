/**
 * A scenario's events -> requests in the lab device at exact cycles, and what became of each.
 *
 * Times count from the mark SCENARIO_START. The lab runs the machine until `dueCycle`, then calls `inject`; results come back
 * by sequence number. Nothing is dropped: an event ends as ok, an errno, skipped, overflow or unanswered.
 */
import type { LabResult } from "../../machine/types.ts";
import type { ScenarioEvent } from "../scenario/schema.ts";
import { formatDuration } from "../scenario/units.ts";

export interface EventOutcome {
  /** Clock at which it was injected; for a skipped event when it was due, or null when it never came to that. */
  readonly cycle: number | null;
  readonly sinceStart: number;
  readonly kind: "hotplug" | "scan" | "lock_stat" | "snapshot";
  readonly detail: string;
  /** ok, -N (an errno), skipped: WHY, overflow, or unanswered. */
  readonly result: string;
  /** From injection to the guest's acknowledgement. */
  readonly latencyCycles: number | null;
}

interface Pending {
  readonly event: ScenarioEvent;
  cycle: number | null;
  sequence: number | null;
  result: string | null;
  latencyCycles: number | null;
}

export class EventInjector {
  readonly #pending: Pending[];
  readonly #harts: number;
  readonly #ops: Readonly<Record<string, number>>;
  readonly #request: (op: number, arg: number) => number | null;
  readonly #snapshot: (name: string) => string;
  #next = 0;
  #start: number | null = null;

  constructor(
    events: readonly ScenarioEvent[],
    harts: number,
    ops: Readonly<Record<string, number>>,
    request: (op: number, arg: number) => number | null,
    snapshot: (name: string) => string = () => "ok",
  ) {
    this.#snapshot = snapshot;
    this.#pending = [...events]
      .sort((a, b) => a.at - b.at)
      .map((event) => ({ event, cycle: null, sequence: null, result: null, latencyCycles: null }));
    this.#harts = harts;
    this.#ops = ops;
    this.#request = request;
  }

  /** SCENARIO_START fired at this clock. */
  start(cycle: number): void {
    this.#start = cycle;
  }

  /** Clock of the next event, or null: none is left, or the scenario has not started. */
  get dueCycle(): number | null {
    const next = this.#pending[this.#next];
    return next === undefined || this.#start === null ? null : this.#start + next.event.at;
  }

  /** The machine has reached `dueCycle`: injects every event that is due by then. */
  inject(): void {
    const now = this.dueCycle;
    while (now !== null && this.dueCycle === now) {
      const one = this.#pending[this.#next++];
      one.cycle = now;
      if (one.event.snapshot !== undefined) {
        one.result = this.#snapshot(one.event.snapshot);
        continue;
      }
      // An observer's business (locks/control.ts): the guest is not asked.
      if (one.event.lock_stat !== undefined) {
        one.result = "ok";
        continue;
      }
      const request = this.#requestOf(one.event);
      if (typeof request === "string") one.result = request;
      else {
        one.sequence = this.#request(request.op, request.arg);
        if (one.sequence === null) one.result = "overflow";
      }
    }
  }

  answered(results: readonly LabResult[]): void {
    for (const { sequence, result, cycle } of results) {
      const one = this.#pending.find((candidate) => candidate.sequence === sequence);
      if (one === undefined || one.cycle === null) continue;
      one.result = result === 0 ? "ok" : String(result);
      one.latencyCycles = cycle - one.cycle;
    }
  }

  /** In order of time. `why` says why an event that was never injected was not. */
  outcomes(why: string): EventOutcome[] {
    return this.#pending.map(({ event, cycle, result, latencyCycles }) => ({
      cycle,
      sinceStart: event.at,
      kind: event.hotplug ? "hotplug" : event.scan ? "scan" : event.snapshot === undefined ? "lock_stat" : "snapshot",
      detail: this.#detail(event),
      result: result ?? (cycle === null ? `skipped: ${why}` : "unanswered"),
      latencyCycles,
    }));
  }

  #requestOf(event: ScenarioEvent): { op: number; arg: number } | string {
    const { hotplug } = event;
    const op = hotplug ? this.#ops[hotplug.to] : this.#ops.scan;
    if (op === undefined) return "skipped: this kernel has no lab driver for it";
    if (!hotplug) return { op, arg: 0 };
    if (this.#harts === 1) return "skipped: the only CPU cannot go offline";
    const cpu = this.#cpu(hotplug.cpu);
    if (cpu >= this.#harts) return `skipped: there is no CPU ${cpu} with ${this.#harts} harts`;
    return { op, arg: cpu };
  }

  #cpu(cpu: number | "last"): number {
    return cpu === "last" ? this.#harts - 1 : cpu;
  }

  #detail(event: ScenarioEvent): string {
    const { hotplug, at } = event;
    const watched = event.snapshot === undefined ? `lock_stat ${event.lock_stat}` : `snapshot ${event.snapshot}`;
    const other = event.scan ? `${event.scan} scan` : watched;
    const what = hotplug ? `cpu ${this.#cpu(hotplug.cpu)} ${hotplug.to}` : other;
    return `${what} at ${formatDuration(at)}`;
  }
}
