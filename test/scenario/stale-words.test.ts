/**
 * What ADR 0001 asks of our own code, watched at every store instead of waiting for the seed in which it costs a leak: while
 * churn runs, nobody writes the address of a lost block anywhere where the leak detector looks.
 */
import path from "node:path";
import { expect, test } from "vitest";
import { MARK, PLANT } from "../../kernel/abi/marks.ts";
import { formatProblem, type Result } from "../../src/base/result.ts";
import { elfOf } from "../../src/cli/image.ts";
import { imageRequest, readScenario } from "../../src/cli/scenario-file.ts";
import { readImage } from "../../src/lab/image/elf.ts";
import { Symbols } from "../../src/lab/image/symbols.ts";
import { runScenario } from "../../src/lab/run/run.ts";
import { createMachine } from "../../src/machine/machine.ts";
import { ACCESS_KIND, ACCESS_WORD, MARK_BYTES, MARK_WORD } from "../../src/machine/memory/layout.ts";
import type { Machine } from "../../src/machine/types.ts";
import { ROOT } from "../tidy/sources.ts";
import { ALL_FOUND, LOST_OBJECT } from "./run.ts";

/** Below it is the firmware, in which kmemleak does not look. */
const KERNEL_START = 0x8040_0000;
/** After the scenario's start: the plants' kthreads are gone, and churn begins. */
const CHURN_AT = 3_000_000;

interface Written {
  readonly clock: number;
  readonly address: number;
  readonly pc: number;
}

/** Every store of the address of a byte of a lost block, from the beginning of churn on. */
class Watch {
  readonly lost = new Map<number, number>();
  readonly written: Written[] = [];
  scenarioStart = Infinity;
  firstScan = Infinity;
  readonly #sizes = new Map<number, number>();

  marks(words: Int32Array, count: number): void {
    for (let at = 0; at < (count * MARK_BYTES) / 4; at += MARK_BYTES / 4) {
      const event = (words[at + MARK_WORD.HEAD] >>> 8) & 0x7ff;
      const block = words[at + MARK_WORD.C] >>> 0;
      const clock = clockOf(words, at);
      if (event === MARK.SCENARIO_START) this.scenarioStart = clock;
      else if (event === MARK.ALLOC) this.#sizes.set(block, words[at + MARK_WORD.A]);
      else if (event === MARK.SCAN_BEGIN) this.firstScan = Math.min(this.firstScan, clock);
      else if (event === MARK.PLANT && words[at + MARK_WORD.A] === PLANT.leak) {
        this.lost.set(block, this.#sizes.get(block) as number);
      }
    }
  }

  accesses(words: Int32Array, places: Int32Array): void {
    for (const at of places) {
      if (((words[at + ACCESS_WORD.HEAD] >>> 12) & 15) !== ACCESS_KIND.STORE) continue;
      const value = words[at + ACCESS_WORD.VALUE] >>> 0;
      if (value < 0xa000_0000 || words[at + ACCESS_WORD.PHYSICAL] >>> 0 < KERNEL_START) continue;
      const clock = clockOf(words, at);
      if (clock < this.scenarioStart + CHURN_AT) continue;
      for (const [block, size] of this.lost) {
        if (value < block || value >= block + size) continue;
        this.written.push({ clock, address: block, pc: words[at + ACCESS_WORD.PC] >>> 0 });
      }
    }
  }

  /** The same machine, with its records read on the way. */
  over(machine: Machine): Machine {
    const { run, drainMarks } = machine;
    machine.run = (limits) => {
      const stop = run.call(machine, limits);
      machine.drainAccesses((words, places, count) => this.accesses(words, places.subarray(0, count)));
      return stop;
    };
    machine.drainMarks = (consume) =>
      drainMarks.call(machine, (words, count) => {
        this.marks(words, count);
        consume(words, count);
      });
    return machine;
  }
}

function clockOf(words: Int32Array, at: number): number {
  return (words[at] >>> 0) + (words[at + 1] >>> 0) * 2 ** 32;
}

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}

test.each([
  ["1", "2"],
  ["3", "4"],
])("seed %s, %s harts: churn leaves no address of a lost block behind; the report writes all", (seed, harts) => {
  const file = path.join(ROOT, LOST_OBJECT);
  const { scenario, text } = value(readScenario(file, { seed, harts }));
  const elf = value(elfOf(imageRequest(scenario, file, ROOT)));
  const watch = new Watch();
  const result = value(
    runScenario({
      version: "test",
      scenario,
      text,
      compile: () => ({ ok: true, value: elf }),
      createMachine: (config) => watch.over(value(createMachine({ ...config, observeAccesses: true }))),
    }),
  );
  expect(watch.lost.size).toBe(ALL_FOUND.expected);
  expect(result.leaks.planted).toMatchObject({ expected: ALL_FOUND.expected, found: ALL_FOUND.found });

  const symbols = new Symbols(value(readImage(elf)).section);
  const left = watch.written.filter(({ clock }) => clock < watch.firstScan);
  expect(left.map(({ clock, address, pc }) => `0x${address.toString(16)} by ${symbols.offsetName(pc)} at ${clock}`)).toEqual([]);
  const reported = watch.written.filter(({ clock }) => clock > watch.firstScan);
  expect(new Set(reported.map(({ address }) => address))).toEqual(new Set(watch.lost.keys()));
}, 120_000);
