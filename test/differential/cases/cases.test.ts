/**
 * Random privileged cases here, in several ways, and in QEMU. FUZZ_SEED picks the first program, FUZZ_COUNT how many
 * (`make fuzz` sets both).
 */
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import type { MachineConfig } from "../../../src/machine/types.ts";
import { ROOT } from "../../tidy/sources.ts";
import { haveTool } from "../../tools.ts";
import { QEMU } from "../machines.ts";
import { outcomeOf, sentByQemu, sentByUs, story } from "./compare.ts";
import { program } from "./driver.ts";

const SEED = Number(process.env["FUZZ_SEED"] ?? 5);
const COUNT = Number(process.env["FUZZ_COUNT"] ?? 6);
const CASES = 200;
const WAYS: readonly Partial<MachineConfig>[] = [
  {}, { timing: "cycle" }, { interleave: "exact" }, { jit: true }, { observeAccesses: true },
];
const qemu = haveTool(QEMU);

test.skipIf(!qemu)(`${COUNT} programs of ${CASES} cases from seed ${SEED} end alike here and in QEMU`, () => {
  console.log(`FUZZ_SEED=${SEED} FUZZ_COUNT=${COUNT}`);
  const causes = new Set<number>();
  let [late, excused, lost] = [0, 0, 0];
  for (let seed = SEED; seed < SEED + COUNT; seed++) {
    const one = program(seed, Array.from({ length: CASES }, (_, i) => i));
    const theirs = sentByQemu(one);
    if (!theirs) lost++;
    const plain = sentByUs(one, {});
    for (const way of WAYS) {
      const sent = sentByUs(one, way);
      expect(Buffer.compare(sent, plain), `seed ${seed}, ${JSON.stringify(way)}`).toBe(0);
    }
    if (!theirs) continue;
    const outcome = outcomeOf(one, plain, theirs);
    for (const cause of outcome.causes) causes.add(cause);
    late += outcome.late;
    excused += outcome.excused.reduce((sum, count) => sum + count, 0);
    if (outcome.differs >= 0) throw new Error(story(seed, outcome.differs, false) ?? `seed ${seed}, case ${outcome.differs}: differs only among the others`);
  }
  console.log(`${late} cases late, ${excused} excused, ${lost} programs that QEMU did not finish, ${causes.size} causes`);
  for (const cause of [1, 2, 3, 5, 7, 9, 12, 13, 15, -0x7fff_ffff, -0x7fff_fffd, -0x7fff_fffb, -0x7fff_fff7]) expect([...causes]).toContain(cause);
  expect(late + excused).toBeLessThan((COUNT * CASES) / 20);
  expect(lost).toBeLessThanOrEqual(COUNT / 4);
}, 600_000);

test.skipIf(!qemu)("a wrong machine is found, and the reproduce line shows the same story", () => {
  const told = [0, 1, 2, 3, 4, 5].map((index) => story(5, index, true)).find((text) => text !== null);
  expect(told).toContain("first difference after step 1");
  expect(told).toContain("sp   ours");
  const line = /^reproduce: npx tsx (.*)$/m.exec(told!)![1]!;
  const again = spawnSync("npx", ["tsx", ...line.split(" ")], { cwd: ROOT, encoding: "utf8", timeout: 60_000 });
  expect(again.status).toBe(1);
  expect(again.stdout.trim()).toBe(told);
}, 120_000);
