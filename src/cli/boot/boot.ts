/**
 * `hartlab boot`: runs a program that is not ours, under our firmware, other firmware or none. docs/boot.md has the whole
 * contract. Only what a boot needs is loaded: the first guest instruction is to come within 250 ms.
 */
import { failure, success, type Result } from "../../base/result.ts";
import { HostInterface, hostSymbols } from "../../machine/boot/host-interface.ts";
import { isElf, planBoot, readProgram, type ReadProgram } from "../../machine/boot/plan.ts";
import { createMachine } from "../../machine/machine.ts";
import type { Machine, MachineConfig } from "../../machine/types.ts";
import { readBytes } from "../files.ts";
import { print, printProblems, readerHasGone } from "../output.ts";
import { VERSION } from "../version.ts";
import { ConsoleLog } from "./console-log.ts";
import { openDisks, writeBackDisks, type DiskFile } from "./disks.ts";
import { ownFirmware } from "./firmware.ts";
import { bootSettings, type BootOptions, type BootSettings } from "./options.ts";
import { bootResult, describeEnd, endCode, type BootEnd, type EndSignal } from "./result.ts";
import { loadSaved, saveMachine } from "./saved.ts";
import { runSession } from "./session.ts";
import { UserTerminal } from "./terminal.ts";
import { whereHartsAre } from "./where.ts";

export type { BootOptions } from "./options.ts";

const OWN_FIRMWARE = "our firmware";

/** A file that must hold something. */
function contents(file: string, what: string): Result<Uint8Array> {
  const bytes = readBytes(file, what);
  if (!bytes.ok || bytes.value.length > 0) return bytes;
  return failure({ message: `${what} ${file} is empty`, hint: "Check the path." });
}

function optional(file: string | undefined, what: string): Result<Uint8Array | null> {
  return file === undefined ? success(null) : contents(file, what);
}

async function firmwareProgram(bios: string, payload: ReadProgram): Promise<Result<ReadProgram | null>> {
  const wanted = bios === "auto" ? (payload.needsFirmware ? "ours" : "none") : bios;
  if (wanted === "none") return success(null);
  const bytes = wanted === "ours" ? await ownFirmware() : contents(wanted, "the firmware");
  if (!bytes.ok) return bytes;
  const name = wanted === "ours" ? OWN_FIRMWARE : wanted;
  return readProgram({ kind: isElf(bytes.value) ? "elf" : "image", name, bytes: bytes.value });
}

interface Booted {
  readonly machine: Machine;
  /** null: nothing is known of what runs. */
  readonly payload: ReadProgram | null;
  readonly input: Uint8Array | null;
  readonly disks: readonly DiskFile[];
}

function readPayload({ kind, file }: NonNullable<BootSettings["payload"]>): Result<ReadProgram> {
  const bytes = contents(file, kind === "elf" ? "the ELF file" : "the image");
  return bytes.ok ? readProgram({ kind, name: file, bytes: bytes.value }) : bytes;
}

/** A machine that was saved; its disks are in it. */
function resume(file: string, options: BootOptions, settings: BootSettings): Result<Booted> {
  const payload = settings.payload ? readPayload(settings.payload) : success(null);
  if (!payload.ok) return payload;
  const input = optional(options.input, "the input");
  if (!input.ok) return input;
  const machine = loadSaved(file, options.jit === false ? false : undefined);
  if (!machine.ok) return machine;
  if (machine.value.config.disks?.some(({ readOnly }) => !readOnly)) {
    process.stderr.write("hartlab: the machine's disks are in the snapshot: what it writes to them goes into --save, not into image files\n");
  }
  return success({ machine: machine.value, payload: payload.value, input: input.value, disks: [] });
}

/** Everything read, checked and in the machine's memory. */
async function prepare(options: BootOptions, settings: BootSettings): Promise<Result<Booted>> {
  if (options.load !== undefined) return resume(options.load, options, settings);
  const payload = readPayload(settings.payload!);
  if (!payload.ok) return payload;
  const initrd = optional(options.initrd, "the initial ramdisk");
  if (!initrd.ok) return initrd;
  const tree = optional(options.dtb, "the device tree");
  if (!tree.ok) return tree;
  const input = optional(options.input, "the input");
  if (!input.ok) return input;
  const firmware = await firmwareProgram(options.bios ?? "auto", payload.value);
  if (!firmware.ok) return firmware;
  const disks = openDisks(options.disk ?? [], options.diskWriteBack === true);
  if (!disks.ok) return disks;
  const config: MachineConfig = {
    harts: settings.harts,
    memoryBytes: settings.memoryBytes,
    timing: settings.timing,
    interleave: settings.interleave,
    ...(options.jit === false ? { jit: false } : {}),
    bootargs: options.append ?? "",
    lab: false,
    recordMarks: false,
    disks: disks.value.map(({ disk }) => disk),
    virtioConsole: options.virtioConsole === true,
  };
  const plan = planBoot({
    board: config,
    payload: payload.value,
    firmware: firmware.value,
    reserveFirmware: firmware.value?.name === OWN_FIRMWARE,
    tree: tree.value && { name: options.dtb!, bytes: tree.value },
    initrd: initrd.value && { name: options.initrd!, bytes: initrd.value },
    bootargs: options.append ?? (tree.value ? null : ""),
  });
  if (!plan.ok) return plan;
  const machine = createMachine(config);
  if (!machine.ok) return machine;
  machine.value.loadPlan(plan.value);
  return success({ machine: machine.value, payload: payload.value, input: input.value, disks: disks.value });
}

/** A line on a terminal's stderr, when stdout does not go there too. */
function progressLine(shown: boolean): { update(instructions: number, cycles: number): void; clear(): void } {
  let last = performance.now();
  let drawn = false;
  return {
    update(instructions, cycles) {
      if (!shown || performance.now() - last < 200) return;
      last = performance.now();
      drawn = true;
      process.stderr.write(`\r${(instructions / 1e6).toFixed(0)} M instructions, ${(cycles / 1e9).toFixed(3)} s guest time\x1b[K`);
    },
    clear() {
      if (drawn) process.stderr.write("\r\x1b[K");
      drawn = false;
    },
  };
}

function hostOf({ machine, payload }: Booted): HostInterface | null {
  const symbols = payload?.elf && hostSymbols(payload.elf);
  return symbols ? new HostInterface(machine, symbols) : null;
}

/** Runs it; the console goes to stdout as it comes, unless it goes into a document. */
async function execute(booted: Booted, options: BootOptions, settings: BootSettings, log: ConsoleLog): Promise<BootEnd> {
  const atTerminal = !options.json && booted.input === null && process.stdin.isTTY === true && process.stdout.isTTY === true;
  if (atTerminal) process.stderr.write("hartlab: console attached, Ctrl-A X leaves; what is typed makes this run non-deterministic\n");
  const terminal = atTerminal ? new UserTerminal(process.stdin) : null;
  const line = progressLine(process.stderr.isTTY === true && (options.json === true || process.stdout.isTTY !== true));
  let interrupted: EndSignal | null = null;
  const onSignal = (signal: NodeJS.Signals): void => {
    interrupted = signal as EndSignal;
  };
  // Without a terminal SIGHUP stays as it was: nohup ignores it.
  const signals: EndSignal[] = terminal ? ["SIGINT", "SIGTERM", "SIGHUP"] : ["SIGINT", "SIGTERM"];
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await runSession({
      machine: booted.machine,
      maxInstructions: settings.maxInstructions,
      saveAt: settings.saveAt,
      host: hostOf(booted),
      input: booted.input,
      inputAfter: options.inputAfter ?? null,
      terminal,
      hooks: {
        console(bytes) {
          log.push(bytes);
          return options.json ? undefined : print(bytes);
        },
        interrupted: () => (interrupted ? { kind: "interrupted", signal: interrupted } : readerHasGone() ? { kind: "unread" } : null),
        progress: line.update,
      },
    });
  } finally {
    line.clear();
    for (const signal of signals) process.off(signal, onSignal);
    terminal?.close();
  }
}

export async function boot(options: BootOptions): Promise<number> {
  const settings = bootSettings(options);
  if (!settings.ok) return printProblems(settings.problems);
  const booted = await prepare(options, settings.value);
  if (!booted.ok) return printProblems(booted.problems);
  const { machine, payload, disks } = booted.value;
  const log = new ConsoleLog();
  const end = await execute(booted.value, options, settings.value, log);
  if (options.json) {
    const result = bootResult(VERSION, machine, end, { text: log.text(), truncated: log.truncated });
    await print(`${JSON.stringify(result, null, 2)}\n`);
  } else if (!log.endsLine) await print("\n");
  if (end.kind !== "poweroff") process.stderr.write(`hartlab: ${describeEnd(end)}\n`);
  if (end.kind === "interrupted" || end.kind === "budget") {
    process.stderr.write(whereHartsAre(machine, payload?.elf ?? null));
  }
  const lost = options.diskWriteBack ? writeBackDisks(machine, disks) : [];
  if (options.save !== undefined) lost.push(...saveMachine(machine, options.save));
  if (lost.length > 0) return printProblems(lost);
  return endCode(end);
}
