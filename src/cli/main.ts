/** The command `hartlab`: parses arguments, runs a command, sets the exit code (ABI.md section 9). */
import { Command, CommanderError } from "commander";
import { buildCommand, type BuildOptions } from "./build.ts";
import { config } from "./config.ts";
import { EXIT } from "./output.ts";
import { run, type RunOptions } from "./run.ts";
import { VERSION } from "./version.ts";

const collect = (value: string, all: string[]): string[] => [...all, value];

function program(done: (code: number) => void): Command {
  const command = new Command("hartlab")
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
    .option("--set <key=value>", "change a field or a kernel configuration key; may be repeated", collect, [])
    .option("--json", "one JSON document on stdout (docs/abi.md)")
    .option("--console <file>", "write the guest's console to a file instead of stdout")
    .option("--no-color", "no colours, as with NO_COLOR")
    .addHelpText(
      "after",
      `
Examples:
  hartlab run scenarios/kmemleak/lost-object.yaml
  hartlab run scenarios/kmemleak/lost-object.yaml --seed 7 --harts 8 --json
  hartlab run scenarios/kmemleak/lost-object.yaml --set machine.timing=functional --set boot.kmemleak.min_age=30ms

Exit codes: 0 as expected, 1 panic, fault, deadlock or a failed expectation, 2 bad input, 3 the instruction budget ended first, 70 a bug in hartlab.`,
    )
    .action(async (file: string, options: RunOptions) => done(await run(file, options)));
  command
    .command("build")
    .description("compile firmware and kernel, with a scenario's workload and tasks if one is given")
    .argument("[file]", "scenario (YAML)")
    .option("--out <folder>", "where kernel.elf, .asm, .sym and .lines go", "build")
    .option("--set <key=value>", "change a kernel configuration key; may be repeated", collect, [])
    .addHelpText("after", "\nExample:\n  hartlab build scenarios/kmemleak/lost-object.yaml --out build")
    .action(async (file: string | undefined, options: BuildOptions) => done(await buildCommand(file, options)));
  command
    .command("config")
    .description("list the kernel's configuration keys, their values and defaults")
    .option("--json", "one JSON document on stdout")
    .action(async (options: { json?: boolean }) => done(await config(options)));
  return command;
}

async function main(args: readonly string[]): Promise<number> {
  let code: number = EXIT.ok;
  try {
    await program((value) => {
      code = value;
    }).parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.input;
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

process.exitCode = await main(process.argv.slice(2));
