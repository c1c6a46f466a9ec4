/**
 * Whatever a guest does, the host neither throws nor hangs nor grows, and the end has a name. FUZZ_SEED and FUZZ_COUNT
 * choose the guests (`make fuzz` prints both). `reproduce:` is what vitest prints with the seed of a failing guest.
 */
import { expect, test } from "vitest";
import type { MachineConfig } from "../../src/machine/types.ts";
import { STOPS, hostileMachine, marksForEver, play } from "./hostile.ts";

const SEED = Number(process.env["FUZZ_SEED"] ?? 1);
const COUNT = Number(process.env["FUZZ_COUNT"] ?? 80);
const INSTRUCTIONS = 60_000;
/** Wall time that no slice of a guest may take: a hang, not a slow machine. */
const SLICE_MS_MAX = 20_000;
const WAYS: readonly Partial<MachineConfig>[] = [{}, { timing: "cycle" }, { jit: true }, { interleave: "exact" }];

test(`${COUNT} hostile guests from seed ${SEED} end with a name, in time, and leave nothing behind`, () => {
  console.log(`FUZZ_SEED=${SEED} FUZZ_COUNT=${COUNT}`);
  const ends = new Map<string, number>();
  let instructions = 0;
  let before = 0;
  for (let seed = SEED; seed < SEED + COUNT; seed++) {
    const way = WAYS[seed % WAYS.length]!;
    const started = performance.now();
    const reproduce = `reproduce: FUZZ_SEED=${seed} FUZZ_COUNT=1 npx vitest run test/hostile`;
    const played = (() => {
      try {
        return play(seed, way, INSTRUCTIONS, INSTRUCTIONS);
      } catch (error) {
        throw new Error(`${reproduce}\n${JSON.stringify(way)}`, { cause: error });
      }
    })();
    expect(performance.now() - started, reproduce).toBeLessThan(SLICE_MS_MAX);
    const { kind } = played.stops.at(-1)!;
    expect(STOPS, reproduce).toContain(kind);
    expect(played.instructions, reproduce).toBeLessThanOrEqual(INSTRUCTIONS);
    ends.set(kind, (ends.get(kind) ?? 0) + 1);
    instructions += played.instructions;
    if (seed === SEED + 30) before = process.memoryUsage().rss;
  }
  console.log(`${instructions} instructions; ${JSON.stringify([...ends])}`);
  if (COUNT >= 80) {
    expect(instructions).toBeGreaterThan(1_000_000);
    expect([...ends.keys()].length).toBeGreaterThanOrEqual(3);
    expect(process.memoryUsage().rss - before).toBeLessThan(400 << 20);
  }
}, 600_000);

/** Seeds whose guests are compared; those that differ say how. */
function compareWays(ways: readonly Partial<MachineConfig>[], until: number): void {
  let compared = 0;
  for (let seed = SEED; seed < SEED + 16; seed++) {
    const hashes = ways.flatMap((way) =>
      [1, 7].map((cuts) => {
        const machine = hostileMachine(seed, way);
        let kind = "";
        for (let cut = 1; cut <= cuts; cut++) {
          do {
            kind = machine.run({ maxInstructions: 1e9, untilCycle: Math.ceil((until * cut) / cuts) }).kind;
            machine.drainConsole();
            machine.drainMarks(() => {});
          } while (kind === "drain");
          if (kind !== "cycle") break;
        }
        return `${kind} ${machine.hash()}`;
      }),
    );
    if (hashes[0]!.startsWith("cycle")) compared++;
    expect(new Set(hashes).size, `seed ${seed}: ${hashes.join(", ")}`).toBe(1);
  }
  expect(compared).toBeGreaterThan(4);
}

test("the same guest gives the same machine: in one slice or many, observed or not, with tier 2 or without", () => {
  compareWays([{}, { jit: true }, { observeAccesses: true }], 30_000);
}, 300_000);

test("in cycle mode also one instruction at a time", () => {
  const way = { timing: "cycle" } as const;
  compareWays([way, { ...way, interleave: "exact" }, { ...way, jit: true }, { ...way, observeAccesses: true }], 60_000);
}, 300_000);

test("marks take no time, but a guest of nothing else comes to its budget: all addresses are pages full of them", () => {
  for (const timing of ["functional", "cycle"] as const) {
    expect(marksForEver(timing).run({ maxInstructions: 1000 })).toEqual({ kind: "budget" });
  }
}, 30_000);
