/** `hartlab build`: the kernel image with its listings. */
import { dirname, join, resolve } from "node:path";
import { failure, success, type Result } from "../base/result.ts";
import { ALL_PASSES, type BuildOptions as CompilerOptions } from "../compiler/build.ts";
import { ownFirmware } from "./boot/firmware.ts";
import { buildImage, type ImageRequest } from "./image.ts";
import { writeWhole } from "./files.ts";
import { EXIT, print, printProblems } from "./output.ts";
import { packageRoot } from "./package-root.ts";
import { imageRequest, readScenario, type ScenarioOptions } from "./scenario-file.ts";
import { parseOverride } from "../lab/scenario/override.ts";

export interface BuildOptions extends ScenarioOptions {
  readonly out: string;
  readonly firmware?: boolean;
  readonly debug?: boolean;
  readonly watch?: boolean;
  /** Names of passes to leave out. */
  readonly disablePass?: readonly string[];
}

/** The passes named, or the problem that one of them is none. */
function passesOf(names: readonly string[]): Result<NonNullable<CompilerOptions["disable"]>> {
  const wrong = names.find((name) => !ALL_PASSES.some((pass) => pass === name));
  if (wrong === undefined) return success(ALL_PASSES.filter((pass) => names.includes(pass)));
  return failure({ message: `--disable-pass ${wrong}: there is no such pass`, hint: `The passes are ${ALL_PASSES.join(", ")}.` });
}

/** Without a scenario: the kernel with the stock tasks, configured by --set alone. */
function stockRequest(options: BuildOptions, root: string): ImageRequest | number {
  const config: Record<string, string | number | boolean> = {};
  for (const setting of options.set ?? []) {
    const override = parseOverride(setting);
    if (!override.ok) return printProblems(override.problems);
    const { path, value } = override.value;
    if (path[0] !== "kernel") {
      return printProblems([
        { message: `--set ${setting}: only kernel keys apply to a build without a scenario`, hint: "`hartlab config` lists them." },
      ]);
    }
    config[path[1]!] = value;
  }
  return { root, workload: null, tasks: ["churn"], config };
}

export async function buildCommand(file: string | undefined, options: BuildOptions): Promise<number> {
  if (options.firmware) return buildFirmware(file, options);
  const root = packageRoot();
  if (!options.watch) return buildOnce(file, options, root);
  const { watchFolders } = await import("./watch.ts");
  const folders = ["kernel", "firmware"].map((name) => join(root, name));
  if (file !== undefined) folders.push(dirname(resolve(file)));
  return watchFolders(folders, () => buildOnce(file, options, root), (seconds) => {
    process.stderr.write(`${seconds.toFixed(2)} s; waiting for changes, Ctrl-C ends\n`);
  });
}

async function buildOnce(file: string | undefined, options: BuildOptions, root: string): Promise<number> {
  let request: ImageRequest | number;
  if (file === undefined) request = stockRequest(options, root);
  else {
    const loaded = readScenario(file, options);
    if (!loaded.ok) return printProblems(loaded.problems);
    request = imageRequest(loaded.value.scenario, file, root);
  }
  if (typeof request === "number") return request;
  const disable = passesOf(options.disablePass ?? []);
  if (!disable.ok) return printProblems(disable.problems);
  const { debug = false, watch = false } = options;
  const built = buildImage(request, { debug, watch, disable: disable.value });
  if (!built.ok) return printProblems(built.problems);
  const { image, files } = built.value;
  const elf: [string, Uint8Array] = ["kernel.elf", image.elf];
  if (options.watch) return writeOutputs(options.out, [elf]);
  const { asm, sym, lines, sizes } = image.listing(files);
  const listings: [string, string][] = [
    ["kernel.asm", asm],
    ["kernel.sym", sym],
    ["kernel.lines", lines],
    ["kernel.sizes", sizes],
  ];
  const code = await writeOutputs(options.out, [elf, ...listings]);
  if (code === EXIT.ok) await print(`\n${sizes}`);
  return code;
}

async function writeOutputs(folder: string, outputs: readonly [string, string | Uint8Array][]): Promise<number> {
  for (const [name, data] of outputs) {
    const problem = writeWhole(join(folder, name), data);
    if (problem) return printProblems([problem]);
    await print(`${join(folder, name)}  ${data.length} bytes\n`);
  }
  return EXIT.ok;
}

/** The firmware alone, to start other kernels with: here, on QEMU, on a board like them. */
async function buildFirmware(file: string | undefined, options: BuildOptions): Promise<number> {
  if (file !== undefined || (options.set ?? []).length > 0) {
    return printProblems([{ message: "--firmware takes neither a scenario nor --set", hint: "The firmware has no configuration." }]);
  }
  const elf = await ownFirmware();
  return elf.ok ? writeOutputs(options.out, [["firmware.elf", elf.value]]) : printProblems(elf.problems);
}
