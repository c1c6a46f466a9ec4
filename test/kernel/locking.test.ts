/** Locks whose code is broken on purpose: the tests that run in the guest say so. */
import { describe, expect, test } from "vitest";
import { compile, compileGuest, judge, namesOf, onOurs, replaceIn, runOnOurs, tapOf } from "./guest-tests.ts";

const NAMES = namesOf("seqlock", "refcount", "locking");
const SPINNING = namesOf("locking", "fairness");

const TWINS: [name: string, file: string, piece: string, by: string, complaint: RegExp][] = [
  [
    "readers that never look again",
    "kernel/locking/seqlock.ts",
    "return unlikely(READ_ONCE(s.sequence) !== start);",
    "return false && READ_ONCE(s.sequence) !== start;",
    /^# seqlock: torn triples that a reader accepted: \d+, expected 0$/,
  ],
  [
    "a latch that names the wrong copy",
    "kernel/test/seqlock.ts",
    "latch.copies[seq & 1]",
    "latch.copies[1 - (seq & 1)]",
    /^# seqcount_latch: torn triples that a latch's reader accepted: \d+, expected 0$/,
  ],
  [
    "an addition that is not atomic",
    "kernel/lib/atomic.ts",
    "  amoAddRelaxed(addressOf(v.counter), value);\n}",
    "  const old = atomic_read(v);\n  for (let n: u32 = 0; n < 300; n++) pause();\n  atomic_set(v, old + value);\n}",
    /^# atomic: sum of all threads: \d+, expected \d+$/,
  ],
  [
    "the last one goes without the lock",
    "kernel/locking/refcount-lock.ts",
    "  if (refcount_dec_not_one(r)) return false;\n  spin_lock(lock);\n  if (refcount_dec_and_test(r)) return true;",
    "  const last = refcount_dec_and_test(r);\n  if (!last) return false;\n  for (let n: u32 = 0; n < 3000; n++) pause();\n  spin_lock(lock);\n  if (last) return true;",
    /^# refcount: objects on the table without a reference: \d+, expected 0$/,
  ],
  [
    "a percpu_rw_semaphore whose writer does not wait for its readers",
    "kernel/locking/percpu-rwsem.ts",
    "if (readers(sem) === 0) break;",
    "if (readers(sem) < 100) break;",
    /^# percpu_rwsem: times the lock let somebody in between: \d+, expected 0$/,
  ],
  [
    "a spinlock that nobody waits for",
    "kernel/locking/ticket.ts",
    "  while (READ_ONCE(serving[0]) !== ticket) pause();",
    "  if (READ_ONCE(serving[0]) !== ticket) pause();",
    /^# spinlock: times the lock let somebody in between: \d+, expected 0$/,
  ],
];

test.each(TWINS)("%s", { timeout: 60_000 }, (_name, file, piece, by, complaint) => {
  const elf = compile({}, (files) => replaceIn(files, file, piece, by));
  expect(tapOf(onOurs(elf, 4, 1, NAMES))).toContainEqual(expect.stringMatching(complaint));
});

test("a reference count that is misused saturates, and says so once for each kind of misuse", { timeout: 60_000 }, () => {
  const text = onOurs(compileGuest("refcounts", ["misuse"]), 1, 1, ["misuse"]);
  const found = [...text.matchAll(/refcount_t: (.*)\./g)].map((match) => match[1]);
  expect(found, text).toEqual([
    "addition on 0; use-after-free",
    "underflow; use-after-free",
    "decrement hit 0; leaking memory",
    "saturated; leaking memory",
    "saturated; leaking memory",
  ]);
  expect(text.match(/WARNING/g)).toHaveLength(5);
  expect(text).toMatch(/Call Trace:[\s\S]*refcount_warn_saturate\+0x[\s\S]*misuse\+0x/);
  for (const what of ["inc of 0", "dec of 0", "dec to 0", "over the top", "inc_not_zero over the top", "saturated for good"])
    expect(text, what).toMatch(new RegExp(`\\] ${what}: c0000000`));
  expect(text).not.toMatch(/freed|was the last|none/);
});

describe("spinlock.kind = mcs", () => {
  const config = { "spinlock.kind": "mcs" };
  const names = namesOf("locking", "spin_fifo", "slab");
  const MCS = "kernel/locking/mcs.ts";

  test("one hart, two and eight", { timeout: 60_000 }, () => {
    const elf = compile(config);
    for (const harts of [1, 2, 8]) judge(onOurs(elf, harts, harts, names), names);
  });

  test("one that does not wait for whom it stands behind", { timeout: 60_000 }, () => {
    const piece = "while (READ_ONCE(node.served) === 0) pause();";
    const elf = compile(config, (files) => replaceIn(files, MCS, piece, piece.replace("while", "if")));
    const { text } = runOnOurs(elf, 4, 1, names, 60_000_000);
    expect(tapOf(text), text).toContainEqual(expect.stringMatching(/^# (spinlock: times|spin_fifo: places)/));
  });

  test("spinning at the word without a queue is not first come, first served", { timeout: 60_000 }, () => {
    const piece = "  const mine = mcs_nodes.current();";
    const elf = compile(config, (files) => replaceIn(files, MCS, piece, `  if (word !== null) {\n    wait_without_node(word);\n    return;\n  }\n${piece}`));
    const { stop } = runOnOurs(elf, 4, 1, namesOf("spin_fifo"), 20_000_000);
    expect(stop.kind).not.toBe("poweroff");
  });
});

describe("rwlock.fairness = queued", () => {
  const config = { "rwlock.fairness": "queued" };

  test.each([1, 2, 4])("%i harts", { timeout: 60_000 }, (harts) => {
    const elf = compile(config);
    for (const seed of [1, 2]) judge(onOurs(elf, harts, seed, SPINNING), SPINNING);
  });

  test("without the bypass for interrupts the reader waits for the writer, and the writer for the reader", { timeout: 60_000 }, () => {
    const elf = compile(config, (files) => replaceIn(files, "kernel/locking/rwlock.ts", "if (!in_interrupt()) {", "{"));
    const { stop, text } = runOnOurs(elf, 2, 1, namesOf("fairness"), 60_000_000);
    expect(stop.kind, text).not.toBe("poweroff");
    expect(tapOf(text)).toEqual([]);
  });

  test("a reader-preferring lock is not fair", { timeout: 60_000 }, () => {
    const elf = compile(config, (files) => {
      replaceIn(files, "kernel/locking/rwlock.ts", "const QUEUED = CONFIG.rwlock.fairness === FAIRNESS.queued;", "const QUEUED = false;");
      replaceIn(files, "kernel/test/fairness.ts", "n === PATIENCE", "n === 1000 * PATIENCE");
    });
    expect(tapOf(onOurs(elf, 4, 1, SPINNING))).toContain("# rwlock_fairness: the writer gets in among the readers");
  });
});
