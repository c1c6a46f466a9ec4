/** Reports of one observer: the same thing again is counted, different ones are kept up to REPORTS_MAX, `dropped` counts the rest. */
import type { ProgressReport } from "./types.ts";

export const REPORTS_MAX = 64;

export class Reports {
  readonly all: ProgressReport[] = [];
  dropped = 0;
  readonly #byKey = new Map<string, ProgressReport | null>();

  /** A state that lasts is told once. */
  addOnce(key: string, make: () => ProgressReport): void {
    if (!this.#byKey.has(key)) this.add(key, make);
  }

  /** `make` is called when nothing of this key is known. */
  add(key: string, make: () => ProgressReport): void {
    const known = this.#byKey.get(key);
    if (known) known.count++;
    if (known !== undefined) return;
    if (this.all.length === REPORTS_MAX) {
      this.dropped++;
      this.#byKey.set(key, null);
      return;
    }
    const report = make();
    this.#byKey.set(key, report);
    this.all.push(report);
  }
}
