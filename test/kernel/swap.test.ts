/** Swap on real devices: a disk in memory with and without latency, a virtio disk; and slots that are broken on purpose. */
import { beforeAll, expect, test } from "vitest";
import { formatProblem, type Result } from "../../src/base/result.ts";
import { createMachine } from "../../src/machine/machine.ts";
import { compileGuest, compileModule, namesOf, onOurs, replaceIn, tapOf } from "./guest-tests.ts";

const HARTS = 2;
/** Pages that each hart sends out and back, as guests/swap_device.ts has it, and what its device has room for. */
const PAGES = 20;
const SLOTS = 64;

let elf: Uint8Array;
beforeAll(() => {
  elf = compileGuest("swap_device", ["there_and_back", "finish"], { "swap.enabled": true });
}, 60_000);

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}

/** What the guest says, and what is on the disk then. */
function run(swap: string, disk?: Uint8Array) {
  const machine = value(
    createMachine({
      harts: HARTS,
      memoryBytes: 32 << 20,
      timing: "functional",
      interleave: "ahead",
      bootargs: `task=there_and_back@all task=finish@0+30 ${swap}`,
      lab: false,
      recordMarks: false,
      disks: disk ? [{ bytes: disk, readOnly: false }] : [],
    }),
  );
  value(machine.loadElf(elf));
  let console = "";
  for (;;) {
    const stop = machine.run({ maxInstructions: 400_000_000 });
    console += Buffer.from(machine.drainConsole()).toString();
    if (stop.kind === "drain") continue;
    expect(stop, console).toEqual({ kind: "poweroff" });
    expect(console).not.toMatch(/WARNING|BUG|Oops/);
    return { console, after: disk ? machine.readDisk(0) : null };
  }
}

/** Microseconds out and in, of each hart, all pages right. */
function times(console: string): [out: number, back: number][] {
  const found = [...console.matchAll(/pages: 0 wrong, out in (\d+) us, in in (\d+) us/g)].map((m) => [Number(m[1]), Number(m[2])] as [number, number]);
  expect(found, console).toHaveLength(HARTS);
  return found;
}

const ALL = HARTS * PAGES;
const END = `end: ${SLOTS - 1} free, written ${ALL}, read ${ALL}, swapoff 0, 0 free`;

test("memory without latency", () => {
  const { console } = run(`swap=ram:${SLOTS}`);
  expect(console).toContain(END);
  for (const [out] of times(console)) expect(out).toBeLessThan(1000);
});

test("50 us latency: writes overlap, reads that wait for each other take it each", () => {
  const { console } = run(`swap=ram:${SLOTS},50000`);
  expect(console).toContain(END);
  for (const [out, back] of times(console)) {
    expect(out).toBeGreaterThanOrEqual(50);
    expect(out).toBeLessThan(PAGES * 50);
    expect(back).toBeGreaterThanOrEqual(PAGES * 50);
    expect(back).toBeLessThan(PAGES * 100);
  }
});

test("a virtio disk", () => {
  const { console, after } = run("swap=virtio", new Uint8Array(SLOTS * 4096));
  expect(console).toContain(END);
  times(console);
  // Slot 0 is never used; the slots behind it were.
  expect(after!.subarray(0, 4096).every((byte) => byte === 0)).toBe(true);
  expect(after!.subarray(4096, 8192).some((byte) => byte !== 0)).toBe(true);
});

test.each([
  ["nothing there", "swap=virtio", "swap: swap=virtio: error -19"],
  ["no such device", "swap=floppy", "swap: swap=floppy is neither ram:PAGES[,LATENCY_NS] nor virtio"],
  ["more than half of memory", "swap=ram:100000", "ramdisk: swap=ram:100000: a disk of 1 to"],
])("%s", (_what, swap, complaint) => {
  const { console } = run(swap);
  expect(console).toContain(complaint);
  expect(console).toContain("end: 0 free, written 0, read 0, swapoff -22, 0 free");
});

test("a slot that loses its user's mark is found", { timeout: 60_000 }, () => {
  const broken = compileModule("swap", { "swap.enabled": true }, (files) =>
    replaceIn(files, "kernel/mm/swap/swapfile.ts", "const left = count | has_cache;", "const left = usage === SWAP_HAS_CACHE ? 0 : count | has_cache;"),
  );
  const tap = tapOf(onOurs(broken, 1, 1, namesOf("swap").slice(0, 1)));
  expect(tap).toContainEqual(expect.stringMatching(/^# swap_map: swapcache_free with a user: 0, expected 1$/));
});
