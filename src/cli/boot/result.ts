/** How a boot ended: its outcome, exit code and JSON document (docs/boot.md lists the outcomes). */
import { DEFAULT_MODEL } from "../../machine/timing/model.ts";
import type { Interleave, Machine, Stop, Timing } from "../../machine/types.ts";

export const BOOT_SCHEMA_VERSION = 1;

/** Signals that end a run, and the exit codes that shells know them by. */
const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
export type EndSignal = keyof typeof SIGNAL_CODES;

export type BootEnd =
  | Exclude<Stop, { kind: "drain" } | { kind: "mark" } | { kind: "cycle" } | { kind: "break" }>
  /** tohost: a test passed, or failed with a number. */
  | { readonly kind: "pass" }
  | { readonly kind: "fail"; readonly code: number }
  | { readonly kind: "interrupted"; readonly signal: EndSignal }
  /** Nobody reads the console any more, as in a pipe to head. */
  | { readonly kind: "unread" }
  /** Ctrl-A X at the console. */
  | { readonly kind: "quit" }
  /** --save-at. */
  | { readonly kind: "saved"; readonly cycle: number };

export interface BootResult {
  readonly schemaVersion: typeof BOOT_SCHEMA_VERSION;
  readonly hartlab: string;
  readonly outcome: BootEnd["kind"];
  /** One sentence. */
  readonly detail: string;
  readonly exitCode: number;
  readonly harts: number;
  readonly memory: number;
  readonly timing: Timing;
  /** The cost model's preset; null in functional timing. */
  readonly costs: string | null;
  readonly interleave: Interleave;
  readonly instructions: number;
  readonly perHart: readonly number[];
  /** The largest clock. */
  readonly cycles: number;
  readonly hash: string;
  readonly console: string;
  readonly consoleTruncated: boolean;
}

/** One sentence about the end. */
export function describeEnd(end: BootEnd): string {
  switch (end.kind) {
    case "poweroff":
      return "the guest powered off";
    case "reboot":
      return "the guest asked for a reboot";
    case "failure":
      return `the guest ended with failure code ${end.code}`;
    case "pass":
      return "the test passed (tohost 1)";
    case "fail":
      return `the test failed with number ${end.code} (tohost 0x${((end.code << 1) | 1).toString(16)})`;
    case "budget":
      return "the instruction budget ended first";
    case "deadlock":
    case "fault":
      return end.kind === "fault" ? `hart ${end.hart}: ${end.detail}` : end.detail;
    case "interrupted":
      return `stopped by ${end.signal === "SIGINT" ? "Ctrl-C" : end.signal}`;
    case "unread":
      return "nobody reads the console any more";
    case "quit":
      return "left by Ctrl-A X";
    case "saved":
      return `saved at cycle ${end.cycle}`;
  }
}

export function endCode(end: BootEnd): number {
  switch (end.kind) {
    case "poweroff":
    case "reboot":
    case "pass":
    case "quit":
    case "saved":
      return 0;
    case "budget":
      return 3;
    case "interrupted":
      return SIGNAL_CODES[end.signal];
    case "unread":
      return 141;
    default:
      return 1;
  }
}

export function bootResult(
  version: string, machine: Machine, end: BootEnd, console: { text: string; truncated: boolean },
): BootResult {
  const { harts, memoryBytes, timing, interleave } = machine.config;
  const views = Array.from({ length: harts }, (_, hart) => machine.hart(hart));
  const perHart = views.map(({ instructions }) => instructions);
  return {
    schemaVersion: BOOT_SCHEMA_VERSION,
    hartlab: version,
    outcome: end.kind,
    detail: describeEnd(end),
    exitCode: endCode(end),
    harts,
    memory: memoryBytes,
    timing,
    costs: timing === "cycle" ? DEFAULT_MODEL.preset : null,
    interleave,
    instructions: perHart.reduce((sum, count) => sum + count, 0),
    perHart,
    cycles: Math.max(...views.map(({ clock }) => clock)),
    hash: machine.hash(),
    console: console.text,
    consoleTruncated: console.truncated,
  };
}
