/**
 * The loop that runs a booted machine to its end: console out, input in, host interface, and now and then a look at the
 * world (signals, the terminal).
 *
 * A scripted run depends on nothing outside: it is cut into pieces of so many instructions, never by time. Scripted input:
 * one byte at every piece's end (INPUT_INSTRUCTIONS, or when all harts wait for ever) at which the guest has read the one
 * before; none before `inputAfter` has been printed. At a terminal the machine's clock is held back to the wall's, so that
 * an idle guest does not spin and a second is a second.
 */
import type { HostInterface } from "../../machine/boot/host-interface.ts";
import type { Machine, Stop } from "../../machine/types.ts";
import type { BootEnd } from "./result.ts";

/** Pieces without input: some 100 ms in each mode. */
const SLICE_INSTRUCTIONS = { exact: 1_000_000, functional: 20_000_000, cycle: 5_000_000 } as const;
const INPUT_INSTRUCTIONS = 20_000;
/** Pieces at a terminal, in cycles of 1 ns. */
const TERMINAL_CYCLES = 2_000_000;

export interface Terminal {
  /** What the user typed since the last call. */
  take(): Uint8Array;
  /** Resolves after so many milliseconds, or sooner when the user typed. */
  wait(milliseconds: number): Promise<void>;
  /** Ctrl-A X has been typed. */
  readonly left: boolean;
}

export interface SessionHooks {
  console(bytes: Uint8Array): Promise<void> | void;
  /** Between two pieces: an end from outside, or null. */
  interrupted(): BootEnd | null;
  progress(instructions: number, cycles: number): void;
}

export interface SessionOptions {
  readonly machine: Machine;
  /** From here on, over all harts; Infinity: no limit. */
  readonly maxInstructions: number;
  /** Clock at which the session ends to be saved; Infinity: no such clock. */
  readonly saveAt: number;
  readonly host: HostInterface | null;
  readonly input: Uint8Array | null;
  readonly inputAfter: string | null;
  readonly terminal: Terminal | null;
  readonly hooks: SessionHooks;
}

/** Feeds a file to the UART, a byte whenever the last one has been read. */
class ScriptedInput {
  #at = 0;
  #armed: boolean;
  /** The end of what was printed, long enough to find the text across two pieces. */
  #tail = "";

  constructor(private readonly bytes: Uint8Array, private readonly after: string | null) {
    this.#armed = after === null;
  }

  get left(): boolean {
    return this.#at < this.bytes.length;
  }

  printed(bytes: Uint8Array): void {
    if (this.#armed || this.after === null) return;
    const text = this.#tail + Buffer.from(bytes).toString("latin1");
    const wanted = Buffer.from(this.after).toString("latin1");
    this.#armed = text.includes(wanted);
    this.#tail = text.slice(-wanted.length);
  }

  /** Whether a byte was sent. */
  feed(machine: Machine): boolean {
    if (!this.#armed || !this.left || machine.unreadInput() > 0) return false;
    machine.sendConsole(this.bytes.subarray(this.#at, this.#at + 1));
    this.#at++;
    return true;
  }
}

/** What the world outside is given: a turn of the event loop. */
function breathe(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

function totals(machine: Machine): { instructions: number; cycles: number } {
  let instructions = 0;
  let cycles = 0;
  for (let hart = 0; hart < machine.config.harts; hart++) {
    const view = machine.hart(hart);
    instructions += view.instructions;
    cycles = Math.max(cycles, view.clock);
  }
  return { instructions, cycles };
}

export async function runSession(options: SessionOptions): Promise<BootEnd> {
  const { machine, host, terminal, hooks } = options;
  const input = options.input && new ScriptedInput(options.input, options.inputAfter);
  const { interleave, timing } = machine.config;
  const slice = SLICE_INSTRUCTIONS[interleave === "exact" ? "exact" : timing];
  // The machine counts since its reset.
  const budget = totals(machine).instructions + options.maxInstructions;
  const paceFrom = performance.now();
  let sinceBreath = performance.now();
  for (;;) {
    const before = totals(machine);
    let piece: number = slice;
    if (input?.left) piece = INPUT_INSTRUCTIONS;
    if (host) piece = Math.min(piece, host.pollInstructions);
    const limit = Math.min(budget, before.instructions + piece);
    const untilCycle = Math.min(options.saveAt, terminal ? before.cycles + TERMINAL_CYCLES : Infinity);
    const stop = machine.run({ maxInstructions: terminal ? budget : limit, untilCycle });
    const output = machine.drainConsole();
    if (output.length > 0) {
      input?.printed(output);
      await hooks.console(output);
    }
    const event = host?.look() ?? null;
    if (event?.kind === "console") await hooks.console(event.bytes);
    if (event?.kind === "exit") return event.code === 0 ? { kind: "pass" } : { kind: "fail", code: event.code };
    if (stop.kind === "cycle" && untilCycle === options.saveAt) return { kind: "saved", cycle: totals(machine).cycles };
    const end = endOf(stop, limit === budget);
    const fed = input?.feed(machine) ?? false;
    if (end && !(end.kind === "deadlock" && (fed || event !== null))) return end;
    if (performance.now() - sinceBreath > 20) {
      await breathe();
      sinceBreath = performance.now();
      const now = totals(machine);
      hooks.progress(now.instructions, now.cycles);
    }
    const outside = hooks.interrupted();
    if (outside) return outside;
    if (terminal) {
      await pace(machine, terminal, paceFrom);
      if (terminal.left) return { kind: "quit" };
    }
  }
}

/** Waits until the wall clock has caught up with the machine's, and passes on what was typed. */
async function pace(machine: Machine, terminal: Terminal, from: number): Promise<void> {
  const ahead = totals(machine).cycles / 1e6 - (performance.now() - from);
  if (ahead > 1) await terminal.wait(ahead);
  const typed = terminal.take();
  if (typed.length > 0) machine.sendConsole(typed);
}

/** The end a stop means, or null to go on. */
function endOf(stop: Stop, budgetIsTheEnd: boolean): BootEnd | null {
  switch (stop.kind) {
    case "budget":
      return budgetIsTheEnd ? stop : null;
    case "drain":
    case "cycle":
    case "mark":
    case "break":
      return null;
    default:
      return stop;
  }
}
