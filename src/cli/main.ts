/**
 * The command `hartlab`: parses arguments, runs a command, sets the exit code (docs/boot.md, docs/abi.md). Each command's module is
 * loaded when it is run: what one does not need must not slow down the start of another.
 */
import { Command, CommanderError } from "commander";
import type { BootOptions } from "./boot/boot.ts";
import type { CompareOptions } from "./compare/compare.ts";
import type { BuildOptions } from "./build.ts";
import type { DoctorOptions } from "./doctor.ts";
import { EXIT, print } from "./output.ts";
import type { RunOptions } from "./run.ts";
import { VERSION } from "./version.ts";

const collect = (value: string, all: string[]): string[] => [...all, value];

function program(done: (code: number) => void, help: (text: string) => void): Command {
  const command = new Command("hartlab")
    .configureOutput({ writeOut: help })
    .description("A deterministic RISC-V multiprocessor that boots a kernel written in TypeScript.")
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError("(`hartlab --help` shows the commands)");
  command
    .command("run")
    .description("run a scenario and report leaks, locks and costs")
    .argument("<file>", "scenario (YAML)")
    .option("--seed <n>", "seed instead of the scenario's")
    .option("--harts <n>", "number of harts instead of the scenario's")
    .option("--interleave <exact|ahead>", "one instruction at a time in clock order, or private work ahead of it")
    .option("--no-jit", "interpret only; the result is the same")
    .option("--set <key=value>", "change a field or a kernel configuration key; may be repeated", collect, [])
    .option("--json", "one JSON document on stdout (docs/abi.md)")
    .option("--explain", "print the scenario's steps as they happened, a column for each CPU")
    .option("--contention", "who waited for which lock and how long, as perf lock contention; waiters over time (always in --json)")
    .option("--console <file>", "write the guest's console to a file instead of stdout")
    .option("--trace <file>", "write a timeline for ui.perfetto.dev: harts, tasks, contended locks")
    .option("--html <file>", "write one page with everything: verdict, findings with source, timeline, locks, scans")
    .option("--folded <file>", "write sampled stacks for flamegraph.pl and speedscope; with --html the page has a flame graph")
    .option("--folded-by <cycles|instructions>", "what the stacks count", "cycles")
    .option("--folded-period <cycles>", "cycles of guest time between two samples", "9973")
    .option("--no-color", "no colours, as with NO_COLOR")
    .addHelpText(
      "after",
      `
Examples:
  hartlab run scenarios/kmemleak/lost-object.yaml
  hartlab run scenarios/kmemleak/lost-object.yaml --seed 7 --harts 8 --json
  hartlab run scenarios/kmemleak/lost-object.yaml --set machine.timing=functional --set boot.kmemleak.min_age=30ms
  hartlab run scenarios/lockdep/wrong-orders.yaml --html build/wrong-orders.html

Exit codes: 0 as expected, 1 panic, fault, deadlock or a failed expectation, 2 bad input, 3 the instruction budget ended first, 70 a bug in hartlab.`,
    )
    .action(async (file: string, options: RunOptions) => {
      const { run } = await import("./run.ts");
      done(await run(file, options));
    });
  addCompare(command, done);
  addBoot(command, done);
  command
    .command("build")
    .description("compile firmware and kernel, with a scenario's workload and tasks if one is given")
    .argument("[file]", "scenario (YAML)")
    .option("--firmware", "the firmware alone, as firmware.elf, for kernels that are not ours")
    .option("--out <folder>", "where kernel.elf, .asm, .sym, .lines and .sizes go", "build")
    .option("--watch", "build kernel.elf again whenever a source changes")
    .option("--disable-pass <name>", "leave a pass of the compiler out, to find the one that is wrong; may be repeated", collect, [])
    .option("--debug", "keep every variable on the stack frame, where gdb shows it; slower code")
    .option("--set <key=value>", "change a kernel configuration key; may be repeated", collect, [])
    .addHelpText("after", "\nExample:\n  hartlab build scenarios/kmemleak/lost-object.yaml --out build")
    .action(async (file: string | undefined, options: BuildOptions) => {
      const { buildCommand } = await import("./build.ts");
      done(await buildCommand(file, options));
    });
  command
    .command("config")
    .description("list the kernel's configuration keys, their values and defaults")
    .option("--json", "one JSON document on stdout")
    .action(async (options: { json?: boolean }) => {
      const { config } = await import("./config.ts");
      done(await config(options));
    });
  command
    .command("doctor")
    .description("say what this installation can do, or check the cycle model from inside a guest")
    .option("--timing", "measure with microbenchmarks and print the figures beside the cost model's constants")
    .option("--json", "one JSON document on stdout")
    .addHelpText("after", "\nExit codes: 0 all is well, 1 something needed is missing or a figure is not as the constants say.")
    .action(async (options: DoctorOptions) => {
      const { doctor } = await import("./doctor.ts");
      done(await doctor(options));
    });
  return command;
}

function addCompare(command: Command, done: (code: number) => void): void {
  command
    .command("compare")
    .description("run a scenario with several values of a key, numbers of harts and seeds, and compare what it costs")
    .argument("<file>", "scenario (YAML)")
    .option("--vary <key=a,b>", "a field or a kernel configuration key, and its values; may be repeated", collect, [])
    .option("--variant <name:key=value,..>", "a variant that differs in several keys, under a name; repeated, one for each", collect, [])
    .option("--seeds <list>", "such as 1..20 or 1,2,7; at least two", "1..10")
    .option("--harts <list>", "numbers of harts, such as 1,2,4; without it the scenario's")
    .option("--set <key=value>", "change a field or a kernel configuration key in all runs; may be repeated", collect, [])
    .option("--lock <class>", "show this lock class instead of the leak detector's; may be repeated", collect, [])
    .option("--jobs <n>", "runs at a time; without it one a processor")
    .option("--resume <file>", "keep what each run gave in this file, and do not make runs again that are in it")
    .option("--json", "one JSON document on stdout (docs/compare.md)")
    .option("--html <file>", "write a page with a chart and a table of each figure")
    .addHelpText(
      "after",
      `
Examples:
  hartlab compare scenarios/kmemleak/lost-object.yaml --vary spinlock.kind=ticket,mcs --seeds 1..20 --harts 1,2,4
  hartlab compare scenarios/kmemleak/lost-object.yaml --vary preempt=none,full --seeds 1..20 --resume preempt.state
  hartlab compare scenarios/kmemleak/campaign.yaml --variant 5.0: --variant 2.6.31:kmemleak.design=km09 --seeds 1..20

Exit codes: 0 all runs as expected, 1 a run failed, 2 bad input, 3 a run's instruction budget ended and none failed, 70 a bug in hartlab.`,
    )
    .action(async (file: string, options: CompareOptions) => {
      const { compareCommand } = await import("./compare/compare.ts");
      done(await compareCommand(file, options));
    });
}

function addBoot(command: Command, done: (code: number) => void): void {
  command
    .command("boot")
    .description("run a bare-metal program or a kernel that is not ours")
    .option("--elf <file>", "a 32-bit RISC-V executable; with `tohost` and `fromhost` as riscv-tests have them")
    .option("--image <file>", "a flat image: Linux (at 0x80400000), else at 0x80000000 or, under firmware, 0x80400000")
    .option("--initrd <file>", "initial ramdisk, announced in the device tree")
    .option("--dtb <file>", "device tree instead of the board's own")
    .option("--append <text>", "boot arguments")
    .option("--bios <file|ours|none>", "firmware; without this: ours for what has nothing at 0x80000000, else none")
    .option("--harts <n>", "1 to 64", "1")
    .option("--memory <size>", "8MiB to 2GiB; 256MiB, 256M, or bytes", "128MiB")
    .option("--timing <functional|cycle>", "one cycle an instruction, or the cost model", "functional")
    .option("--interleave <exact|ahead>", "one instruction at a time in clock order, or private work ahead of it", "ahead")
    .option("--no-jit", "interpret only; the result is the same")
    .option("--max-instructions <n>", "end with exit code 3 after so many, over all harts; with --load counted from there")
    .option("--input <file>", "bytes for the console, one whenever the guest has read the one before")
    .option("--input-after <text>", "keep the input back until the guest has printed this")
    .option("--disk <file>", "virtio block device, FILE or FILE,ro; the guest writes to a copy; may be repeated", (file: string, files: string[]) => [...files, file], [] as string[])
    .option("--disk-write-back", "write what the guest left on the disks to their files at the end")
    .option("--virtio-console", "a virtio console on the board; it gets the input instead of the UART")
    .option("--save <file>", "write the machine to a file when the run ends")
    .option("--save-at <cycles>", "end the run when every hart's clock has come so far, for --save")
    .option("--load <file>", "go on with a machine that was saved; --elf beside it is only asked for symbols")
    .option("--json", "one JSON document on stdout (docs/boot.md) instead of the console")
    .addHelpText(
      "after",
      `
At a terminal the console is interactive: Ctrl-A X leaves; Ctrl-C goes to the guest.

Examples:
  hartlab boot --elf rv32ui-p-add
  hartlab boot --image Image --harts 4 --append "console=ttyS0 earlycon=sbi"
  hartlab boot --image Image --disk root.img --append "root=/dev/vda"
  hartlab boot --image Image --bios fw_dynamic.bin --initrd root.cpio --json

Exit codes: 0 power-off, reboot or a pass, 1 failure, fault or deadlock, 2 bad input, 3 the instruction budget ended first, 70 a bug in hartlab,
130 Ctrl-C (129 SIGHUP at a terminal, 143 SIGTERM), 141 nobody reads stdout any more.`,
    )
    .action(async (options: BootOptions, self: Command) => {
      const given = Object.keys(options).filter((name) => self.getOptionValueSource(name) === "cli");
      const { boot } = await import("./boot/boot.ts");
      done(await boot({ ...options, given }));
    });
}

async function main(args: readonly string[]): Promise<number> {
  let code: number = EXIT.ok;
  let help = "";
  const command = program(
    (value) => {
      code = value;
    },
    (text) => {
      help += text;
    },
  );
  try {
    // --help and --version end by throwing.
    await command.parseAsync(args, { from: "user" }).catch((error: unknown) => {
      if (!(error instanceof CommanderError)) throw error;
      code = error.exitCode === 0 ? EXIT.ok : EXIT.input;
    });
    if (help !== "") await print(help);
    return code;
  } catch (error) {
    const { code: why, syscall } = error as NodeJS.ErrnoException;
    if (syscall === "write" && why !== undefined) {
      process.stderr.write(`hartlab: cannot write to stdout: ${why}\n`);
      return EXIT.input;
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`hartlab: a bug in hartlab itself:\n${text}\n`);
    process.stderr.write(`reproduce: hartlab ${args.join(" ")}\n`);
    return EXIT.bug;
  }
}

// What cannot be said on stderr changes nothing: the exit code still tells the outcome.
process.stderr.on("error", () => {});
process.exitCode = await main(process.argv.slice(2));
