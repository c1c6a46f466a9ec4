/**
 * The ELFs that a bench runs: each guest built once for each length, the kernel from its scenario. They go into a
 * temporary folder, with the boot arguments they get.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Image } from "../../src/compiler/build.ts";
import { elfOf, type ImageRequest } from "../../src/cli/image.ts";
import { imageRequest, readScenario } from "../../src/cli/scenario-file.ts";
import { bootargs } from "../../src/lab/scenario/bootargs.ts";
import { flatSource } from "./flat-source.ts";
import { buildGuest } from "./guest.ts";

const ROOT = join(import.meta.dirname, "../..");
export const SCENARIO = join(ROOT, "scenarios/kmemleak/lost-object.yaml");

/** Code without locality is more than any cache holds. */
const FLAT_BYTES_MIN = 500 << 10;

export interface Program {
  readonly file: string;
  readonly bootargs: string;
  /**
   * What the console must hold in the end; group 1 is the result that all engines must agree on. Of the kernel only that it
   * came to its end: with several harts, what a scan sees depends on the time it takes.
   */
  readonly proof: RegExp;
}

/** The scenario's kernel without marks, which QEMU would count as instructions. */
function kernelImage(): { request: ImageRequest; bootargs: string } {
  const loaded = readScenario(SCENARIO, { set: ["kernel.marks=false"] });
  if (!loaded.ok) throw new Error(loaded.problems[0]!.message);
  const { scenario } = loaded.value;
  return { request: imageRequest(scenario, SCENARIO, ROOT), bootargs: bootargs(scenario) };
}

/** The scenario's boot arguments with its last scan, which ends the run, at another time. */
export function withLastScanAt(bootargs: string, milliseconds: number): string {
  const changed = bootargs.replace(/(task=last_scan@\d+)\+\d+ms/, `$1+${milliseconds}ms`);
  if (changed === bootargs) throw new Error("the scenario has no task last_scan with a delay");
  return changed;
}

function codeBytes(image: Image): number {
  return image.symbols.filter(({ kind }) => kind === "function").reduce((sum, { size }) => sum + size, 0);
}

export class Images {
  readonly folder = mkdtempSync(join(tmpdir(), "hartlab-bench-"));
  readonly #programs = new Map<string, Program>();
  #kernel: { file: string; bootargs: string } | null = null;

  /** The program of a guest that runs so many rounds. */
  program(guest: string, rounds: number, harts: number): Program {
    const key = `${guest}-${rounds}-${harts}`;
    const known = this.#programs.get(key);
    if (known) return known;
    const made = guest === "kernel" ? this.#kernelProgram(rounds) : this.#guestProgram(guest, rounds, harts, key);
    this.#programs.set(key, made);
    return made;
  }

  #guestProgram(guest: string, rounds: number, harts: number, key: string): Program {
    const more: Record<string, string> = guest === "flat" ? { "flat.ts": flatSource() } : {};
    const image = buildGuest(guest, { rounds, harts }, more);
    if (guest === "flat" && codeBytes(image) < FLAT_BYTES_MIN) throw new Error("the guest flat has become too small");
    const file = join(this.folder, `${key}.elf`);
    writeFileSync(file, image.elf);
    return { file, bootargs: "", proof: /^checksum ([0-9a-f]{8})/m };
  }

  #kernelProgram(milliseconds: number): Program {
    this.#kernel ??= this.#buildKernel();
    const { file, bootargs } = this.#kernel;
    return { file, bootargs: withLastScanAt(bootargs, milliseconds), proof: /scan: \d+ suspected leaks\s.*(Power down)/ };
  }

  #buildKernel(): { file: string; bootargs: string } {
    const { request, bootargs } = kernelImage();
    const elf = elfOf(request);
    if (!elf.ok) throw new Error(elf.problems[0]!.message);
    const file = join(this.folder, "kernel.elf");
    writeFileSync(file, elf.value);
    return { file, bootargs };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
