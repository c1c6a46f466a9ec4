/**
 * Reads the guest's kmemleak reports and its complaints out of the console, line by line.
 *
 * A report stands between `---- kmemleak scan N ----` and `---- end ----` (docs/interfaces.md); it is exactly what the guest's
 * seq file gives. Other lines may carry a `[    0.001234] ` stamp.
 */

export interface ReportedLeak {
  readonly address: number;
  readonly size: number;
  readonly comm: string;
  readonly pid: number;
  /** Clock tick of the allocation. */
  readonly jiffies: number;
  readonly ageCycles: number;
  /** Return addresses, the innermost first, and what the guest printed for each. */
  readonly backtrace: readonly { readonly address: number; readonly symbol: string }[];
}

export interface LeakReport {
  readonly scan: number;
  readonly leaks: readonly ReportedLeak[];
  /** False: the console ended inside the report. */
  readonly complete: boolean;
  /** The guest stopped after so many leaks, and says so; null: it did not. */
  readonly cutAfter: number | null;
}

/** From a moment on nothing is tracked. */
export interface TrackingEnd {
  /** null: from the beginning. */
  readonly jiffies: number | null;
  readonly why: string;
}

export interface Complaint {
  readonly kind: "panic" | "warning" | "bug" | "kmemleak";
  readonly summary: string;
  /** Return addresses of the call trace that followed, the innermost first. */
  readonly trace: number[];
}

const CYCLES_PER_SECOND = 1e9;
const BEGIN = /^---- kmemleak scan (\d+) ----$/;
const END = "---- end ----";
const OBJECT = /^(?:kmemleak: )?unreferenced object 0x([0-9a-f]+) \(size (\d+)\):$/;
const OWNER = /^ {2}comm "(.*)", pid (\d+), jiffies (\d+)(?: \(age (\d+\.\d+)s\))?/;
const FRAME = /^ {4}\[<([0-9a-f]+)>\] ?(.*)$/;
const TRACE_FRAME = /^ \[<([0-9a-f]+)>\] /;
const COMPLAINTS: readonly (readonly [RegExp, Complaint["kind"]])[] = [
  [/Kernel panic - not syncing: ?(.*)/, "panic"],
  [/kernel BUG at (.*)/, "bug"],
  [/\bBUG: (.*)/, "bug"],
  [/\bWARNING: (.*)/, "warning"],
  [/\b(Oops: .*)/, "bug"],
  [/\b(watchdog: CPU\d+: Watchdog detected hard LOCKUP on cpu \d+)/, "bug"],
  [/\bINFO: (task \S+:\d+ blocked for more than .*)/, "warning"],
  [/\b(rcu: INFO: \w+ (?:self-detected stall|detected stalls) on .*)/, "warning"],
  [/\b(page allocation failure: .*)/, "warning"],
  [/\b(slab error in .*)/, "bug"],
  [/\bBUG (\S+ \((?:Not tainted|Tainted: .*)\): .*)/, "bug"],
  // Not `kmemleak: disabled`, which kmemleak=off asks for.
  [/kmemleak: (.*(?:kmemleak is disabled|unknown object|larger than object).*)/, "kmemleak"],
  [/(report cut after \d+ leaks)/, "kmemleak"],
];
const CUT = /^report cut after (\d+) leaks$/;
const DISABLED = /kmemleak: kmemleak is disabled since jiffies (\d+): (.*)$/;
const SWITCHED_OFF = /kmemleak: disabled$/;
const HIDDEN = /kmemleak: scan (\d+) missed live blocks in (\d+) lookups$/;

interface OpenLeak {
  address: number;
  size: number;
  comm: string;
  pid: number;
  jiffies: number;
  ageCycles: number;
  backtrace: { address: number; symbol: string }[];
}

export class ConsoleReader {
  readonly reports: LeakReport[] = [];
  readonly complaints: Complaint[] = [];
  /** Since when nothing is tracked any more. */
  readonly trackingEnds: TrackingEnd[] = [];
  /** By scan: lookups that missed a live block, where the guest counts them (kmemleak.count_hidden). */
  readonly hiddenLookups = new Map<number, number>();
  readonly #decoder = new TextDecoder();
  #partial = "";
  #scan: number | null = null;
  #cutAfter: number | null = null;
  #leaks: OpenLeak[] = [];

  push(bytes: Uint8Array): void {
    const text = this.#partial + this.#decoder.decode(bytes, { stream: true });
    const lines = text.split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) this.#line(line.replace(/\r$/, ""));
  }

  /** Call once, at the end: a last line without newline and a report that was cut off. */
  finish(): void {
    if (this.#partial !== "") this.#line(this.#partial);
    this.#partial = "";
    if (this.#scan !== null) this.#close(false);
  }

  #line(stamped: string): void {
    const line = stamped.replace(/^\[ *\d+\.\d+\] /, "");
    const begin = BEGIN.exec(line);
    if (begin) {
      if (this.#scan !== null) this.#close(false);
      this.#scan = Number(begin[1]);
      return;
    }
    if (this.#scan !== null) {
      if (line === END) {
        this.#close(true);
        return;
      }
      const cut = CUT.exec(line);
      if (cut) this.#cutAfter = Number(cut[1]);
      if (this.#reportLine(line)) return;
    }
    this.#note(line);
    const frame = TRACE_FRAME.exec(line);
    if (frame) {
      this.complaints.at(-1)?.trace.push(Number.parseInt(frame[1], 16));
      return;
    }
    for (const [pattern, kind] of COMPLAINTS) {
      const match = pattern.exec(line);
      if (match) {
        this.complaints.push({ kind, summary: match[1].trim(), trace: [] });
        return;
      }
    }
  }

  /** What kmemleak says of itself. */
  #note(line: string): void {
    const disabled = DISABLED.exec(line);
    if (disabled) this.trackingEnds.push({ jiffies: Number(disabled[1]), why: disabled[2].trim() });
    else if (SWITCHED_OFF.test(line)) this.trackingEnds.push({ jiffies: null, why: "switched off at boot (kmemleak=off)" });
    const hidden = HIDDEN.exec(line);
    if (hidden) this.hiddenLookups.set(Number(hidden[1]), Number(hidden[2]));
  }

  /** False: the line does not belong to the report (another CPU's message came between). */
  #reportLine(line: string): boolean {
    const object = OBJECT.exec(line);
    if (object) {
      const address = Number.parseInt(object[1], 16);
      this.#leaks.push({
        address,
        size: Number(object[2]),
        comm: "",
        pid: 0,
        jiffies: 0,
        ageCycles: 0,
        backtrace: [],
      });
      return true;
    }
    const leak = this.#leaks.at(-1);
    if (!leak) return false;
    const owner = OWNER.exec(line);
    if (owner) {
      leak.comm = owner[1];
      leak.pid = Number(owner[2]);
      leak.jiffies = Number(owner[3]);
      leak.ageCycles = Math.round(Number(owner[4] ?? 0) * CYCLES_PER_SECOND);
      return true;
    }
    const frame = FRAME.exec(line);
    if (frame) leak.backtrace.push({ address: Number.parseInt(frame[1], 16), symbol: frame[2] });
    return frame !== null || line === "  backtrace:";
  }

  #close(complete: boolean): void {
    this.reports.push({ scan: this.#scan ?? 0, leaks: this.#leaks, complete, cutAfter: this.#cutAfter });
    this.#scan = null;
    this.#cutAfter = null;
    this.#leaks = [];
  }
}
