/**
 * One task that destroys an RCU cache, or registers a notifier, beside one that brings a CPU up: every interleaving of their steps on the counted hotplug
 * lock, as kernel/cpu/lock.ts, kernel/mm/slab/destroy.ts and kernel/cpu/notifier.ts take them. What can be stuck for ever? A model, not the kernel: the kernel is
 * driven through the same schedules in hotplug-2012.test.ts.
 */
import { describe, expect, test } from "vitest";

type Lock = "maps" | "hotplug" | "slab" | "barrier";

/** An operation on the state; see step(). */
type Op =
  | readonly ["lock", Lock]
  | readonly ["unlock", Lock]
  | readonly ["count", number]
  // Marks itself as the writer; sleeps unless the count is 0, in which case it keeps the lock.
  | readonly ["announce"]
  | readonly ["look"]
  | readonly ["sleep"]
  | readonly ["done"];

const GET: readonly Op[] = [["lock", "hotplug"], ["count", 1], ["unlock", "hotplug"]];
const PUT: readonly Op[] = [["lock", "hotplug"], ["count", -1], ["unlock", "hotplug"]];
const BARRIER: readonly Op[] = [["lock", "barrier"], ...GET, ...PUT, ["unlock", "barrier"]];
const READERS: Readonly<Record<string, readonly Op[]>> = {
  "barrier-inside": [...GET, ["lock", "slab"], ...BARRIER, ["unlock", "slab"], ...PUT],
  f1: [...GET, ["lock", "slab"], ["unlock", "slab"], ...BARRIER, ...PUT],
  registers: [...GET, ["lock", "maps"], ["unlock", "maps"], ...PUT],
  none: [],
};
const WRITER: readonly Op[] = [
  ["lock", "maps"], ["announce"], ["lock", "hotplug"], ["look"], ["sleep"], ["lock", "slab"], ["unlock", "slab"], ["done"], ["unlock", "hotplug"], ["unlock", "maps"],
];
const LOCKS: readonly Lock[] = ["maps", "hotplug", "slab", "barrier"];
const READER_ID = 1;
const WRITER_ID = 2;

interface State {
  readonly at: readonly [reader: number, writer: number];
  /** Who has each lock, 0: nobody. */
  readonly owners: readonly number[];
  readonly count: number;
  readonly announced: boolean;
  readonly asleep: boolean;
}

/** The state after the next operation of a task, or null when it has to wait or has ended. */
function step(state: State, id: number, ops: readonly Op[]): State | null {
  const op = ops[state.at[id - 1]!];
  if (op === undefined) return null;
  const to = (at: number, rest: Partial<State> = {}): State => ({ ...state, at: id === READER_ID ? [at, state.at[1]] : [state.at[0], at], ...rest });
  const next = state.at[id - 1]! + 1;
  const owned = (lock: Lock, owner: number): number[] => state.owners.map((one, i) => (LOCKS[i] === lock ? owner : one));
  switch (op[0]) {
    case "lock":
      return state.owners[LOCKS.indexOf(op[1])] === 0 ? to(next, { owners: owned(op[1], id) }) : null;
    case "unlock":
      return to(next, { owners: owned(op[1], 0) });
    case "count": {
      const count = state.count + op[1];
      return to(next, { count, asleep: state.asleep && !(op[1] < 0 && count === 0 && state.announced) });
    }
    case "announce":
      return to(next, { announced: true });
    case "look":
      return state.count === 0 ? to(next + 1) : to(next, { owners: owned("hotplug", 0), asleep: true });
    case "sleep":
      return state.asleep ? null : to(next - 2);
    case "done":
      return to(next, { announced: false });
  }
}

interface Verdict {
  readonly states: number;
  /** Whether some schedule ends with the task waiting for ever. */
  readonly reader: boolean;
  readonly writer: boolean;
}

function explore(reader: readonly Op[], count: number): Verdict {
  const first: State = { at: [0, 0], owners: [0, 0, 0, 0], count, announced: false, asleep: false };
  const seen = new Set([JSON.stringify(first)]);
  const open = [first];
  const stuck = { reader: false, writer: false };
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    const after = [step(state, READER_ID, reader), step(state, WRITER_ID, WRITER)].filter((one) => one !== null);
    if (after.length === 0) {
      stuck.reader ||= state.at[0] < reader.length;
      stuck.writer ||= state.at[1] < WRITER.length;
    }
    for (const one of after) {
      const key = JSON.stringify(one);
      if (!seen.has(key)) open.push(one);
      seen.add(key);
    }
  }
  return { states: seen.size, ...stuck };
}

describe("who can be stuck for ever", () => {
  test.each([
    ["barrier-inside", 0, { reader: false, writer: false }],
    ["f1", 0, { reader: false, writer: false }],
    ["barrier-inside", -1, { reader: true, writer: true }],
    ["f1", -1, { reader: false, writer: true }],
    ["none", -1, { reader: false, writer: true }],
    ["registers", 0, { reader: true, writer: true }],
  ] as const)("%s, count %i: %j", (form, count, expected) => {
    const { states, ...stuck } = explore(READERS[form]!, count);
    expect(stuck).toEqual(expected);
    expect(states).toBeGreaterThan(form === "none" ? 3 : 50);
  });

  test("states", () => {
    expect(Object.entries(READERS).flatMap(([form, ops]) => [0, -1].map((count) => `${form} ${count}: ${explore(ops, count).states}`))).toMatchInlineSnapshot(`
      [
        "barrier-inside 0: 128",
        "barrier-inside -1: 153",
        "f1 0: 128",
        "f1 -1: 166",
        "registers 0: 68",
        "registers -1: 53",
        "none 0: 10",
        "none -1: 5",
      ]
    `);
  });
});
