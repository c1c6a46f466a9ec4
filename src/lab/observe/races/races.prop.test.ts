/** Random small histories of a few harts: the race checker against happens-before as the definition has it, by search. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ACCESS_BYTES, ACCESS_KIND, ACCESS_WORD } from "../../../machine/memory/layout.ts";
import { ImageFile } from "../../image/elf.ts";
import { Symbols } from "../../image/symbols.ts";
import { CurrentTasks } from "../current-tasks.ts";
import { SECTION } from "../testing.ts";
import { RaceChecker } from "./races.ts";

const HARTS = 3;
const TEXT = 0xc000_0000;
const RAM = 0x8040_0000;
const INSN = { load: 0x0005_2283, store: 0x0055_2023, amo: 0x0605_22af, amoRelaxed: 0x0005_22af } as const;
const SUPERVISOR = 1;
const ALL_WRITES = 0x31;

interface Event {
  readonly what: "read" | "write" | "once read" | "once write" | "amo" | "relaxed amo" | "fence";
  readonly hart: number;
  readonly word: number;
  /** Of the word; atomic operations take all. */
  readonly bytes: "all" | "low" | "high";
}

const events = (whats: readonly Event["what"][], words: readonly number[]): fc.Arbitrary<Event> =>
  fc.record({
    what: fc.constantFrom(...whats),
    hart: fc.nat(HARTS - 1),
    word: fc.constantFrom(...words),
    bytes: fc.constantFrom("all", "all", "low", "high"),
  });
/** Words 0 and 1 order, words 2 and 3 are raced for. */
const history = fc.array(
  fc.oneof(
    events(["read", "write", "once read", "write"], [2, 3]),
    events(["once read", "once write", "amo", "relaxed amo", "fence"], [0, 1]),
    events(["read", "write", "once read", "once write", "amo"], [2]),
  ),
  { minLength: 2, maxLength: 24 },
);

const marked = ({ what }: Event): boolean => what !== "read" && what !== "write";
const reads = ({ what }: Event): boolean => what === "read" || what === "once read";

function mask({ what, bytes }: Event): number {
  if (what.endsWith("amo") || bytes === "all") return 15;
  return bytes === "low" ? 3 : 12;
}

/** All pairs that race, `i j` with i before j. */
function racesBySearch(all: readonly Event[]): Set<string> {
  const before: Set<number>[] = [];
  const lastOf = new Map<number, number>();
  const fenceOf = new Map<number, number>();
  const passedOn = new Map<number, number[]>();
  all.forEach((event, at) => {
    const { what, hart, word } = event;
    const past = new Set<number>();
    const follow = (other: number | undefined): void => {
      if (other === undefined) return;
      past.add(other);
      for (const one of before[other]) past.add(one);
    };
    follow(lastOf.get(hart));
    if (marked(event) && what !== "once write" && what !== "fence") passedOn.get(word)?.forEach(follow);
    before.push(past);
    lastOf.set(hart, at);
    if (what === "fence") fenceOf.set(hart, at);
    const fence = fenceOf.get(hart);
    const fenced = fence === undefined ? [] : [fence];
    if (what === "once write") passedOn.set(word, fenced);
    if (what === "amo") passedOn.set(word, [...(passedOn.get(word) ?? []), at]);
    if (what === "relaxed amo") passedOn.set(word, [...(passedOn.get(word) ?? []), ...fenced]);
  });
  const found = new Set<string>();
  all.forEach((a, i) => {
    all.forEach((b, j) => {
      if (i >= j || a.what === "fence" || b.what === "fence" || a.hart === b.hart || a.word !== b.word) return;
      if ((mask(a) & mask(b)) === 0 || (reads(a) && reads(b)) || (marked(a) && marked(b)) || before[j].has(i)) return;
      found.add(`${i} ${j}`);
    });
  });
  return found;
}

const address = (at: number): number => TEXT + 4 * at;

function checkerOf(all: readonly Event[]): RaceChecker {
  const words = all.map(({ what }) => {
    if (what.endsWith("amo")) return what === "amo" ? INSN.amo : INSN.amoRelaxed;
    return what.endsWith("read") ? INSN.load : INSN.store;
  });
  const once = all.flatMap(({ what }, at) => (what.startsWith("once") ? [address(at)] : []));
  const section = {
    ...SECTION,
    functions: all.map((_, at) => ({ name: `f${at}`, address: address(at), size: 4, file: 0, line: 1 })),
    accesses: { once: once.map((one, i) => (one - (once[i - 1] ?? 0)) / 4), excused: [] },
  };
  const bytes = new Uint8Array(Uint32Array.from(words).buffer);
  const image = new ImageFile(section, [{ start: TEXT, physical: RAM, bytes, writable: false }]);
  return new RaceChecker(image, new Symbols(section), new CurrentTasks(), HARTS);
}

const KIND_OF: Readonly<Record<Event["what"], number>> = {
  read: ACCESS_KIND.LOAD, "once read": ACCESS_KIND.LOAD, write: ACCESS_KIND.STORE, "once write": ACCESS_KIND.STORE,
  amo: ACCESS_KIND.AMO, "relaxed amo": ACCESS_KIND.AMO, fence: ACCESS_KIND.FENCE,
};

function recordsOf(all: readonly Event[]): Int32Array {
  const words = new Int32Array((all.length * ACCESS_BYTES) / 4);
  const memory = new DataView(new ArrayBuffer(64));
  all.forEach((event, at) => {
    const record = words.subarray((at * ACCESS_BYTES) / 4);
    const covered = mask(event);
    const bytes = event.what === "fence" ? 0 : covered === 15 ? 4 : 2;
    record[ACCESS_WORD.CLOCK_LOW] = at + 1;
    record[ACCESS_WORD.HEAD] = event.hart | (bytes << 8) | (KIND_OF[event.what] << 12) | (SUPERVISOR << 24);
    record[ACCESS_WORD.PC] = address(at);
    record[ACCESS_WORD.PHYSICAL] = RAM + 4 * event.word + (covered === 12 ? 2 : 0);
    const place = record[ACCESS_WORD.PHYSICAL] - (RAM | 0);
    const held = bytes === 4 ? memory.getUint32(place, true) : memory.getUint16(place & 62, true);
    const left = reads(event) ? held : at + 1;
    record[ACCESS_WORD.VALUE] = event.what === "fence" ? ALL_WRITES : event.what.endsWith("amo") ? held : left;
    record[ACCESS_WORD.WRITTEN] = left;
    if (bytes === 4) memory.setUint32(place, left, true);
    else if (bytes === 2) memory.setUint16(place, left, true);
  });
  return words;
}

/** Pairs as in racesBySearch; two harts have run the kernel before the history begins. */
function racesByChecker(all: readonly Event[]): Set<string> {
  const start: Event[] = [0, 1].map((hart) => ({ what: "read", hart, word: 9, bytes: "all" }));
  const whole = [...start, ...all];
  const checker = checkerOf(whole);
  const places = Int32Array.from(whole, (_, at) => (at * ACCESS_BYTES) / 4);
  checker.consume(recordsOf(whole), places, 0, whole.length);
  const place = (pc: number): number => (pc - TEXT) / 4 - start.length;
  for (const { first, second } of checker.reports) {
    for (const { stack, kind, value } of [first, second]) {
      expect(place(stack.pc) + start.length + 1, "what is told of an access is of one and the same").toBe(stack.clock);
      if (kind === "write") expect(value).toBe(stack.clock);
    }
  }
  return new Set(checker.reports.map(({ first, second }) => `${place(first.stack.pc)} ${place(second.stack.pc)}`));
}

/** The later access's hart has made a marked read of the word in between: a marked write is over then. */
function seen(all: readonly Event[], pair: string): boolean {
  const [i, j] = pair.split(" ").map(Number);
  return marked(all[i]) && !reads(all[i]) && all.some(({ what, hart, word }, at) =>
    at > i && at < j && hart === all[j].hart && word === all[i].word && (what === "once read" || what.endsWith("amo")));
}

test("every race that is reported is one", () => {
  fc.assert(
    fc.property(history, (all) => {
      const races = racesBySearch(all);
      for (const pair of racesByChecker(all)) expect(races).toContain(pair);
    }),
    { numRuns: 3000 },
  );
});

test("where a word is raced for and no marked write hides the past, one is reported", () => {
  let found = 0;
  fc.assert(
    fc.property(history, (events) => {
      const all = events.map((event): Event => ({ ...event, bytes: "all" }));
      const races = [...racesBySearch(all)].filter((pair) => !seen(all, pair));
      const reported = [...racesByChecker(all)];
      const wordOf = (pair: string): number => all[Number(pair.split(" ")[0])].word;
      for (const word of [2, 3]) {
        if (all.some((event) => event.word === word && marked(event) && !reads(event))) continue;
        const expected = races.some((pair) => wordOf(pair) === word);
        if (expected) found++;
        expect(reported.some((pair) => wordOf(pair) === word)).toBe(expected);
      }
    }),
    { numRuns: 3000 },
  );
  expect(found).toBeGreaterThan(500);
});

test("an assertion that nobody else accesses a word outlives the own marked write", () => {
  const asserts = (pc: number, word: number, all: readonly Event[]): number => {
    const checker = checkerOf(all);
    const places = Int32Array.from(all, (_, at) => (at * ACCESS_BYTES) / 4);
    const records = recordsOf(all);
    checker.consume(records, places, 0, 2);
    checker.exclusive(TEXT + 4 * word, 4, true, pc, 0, 2);
    checker.consume(records, places, 2, all.length);
    return checker.reports.length;
  };
  const event = (what: Event["what"], hart: number, word: number): Event => ({ what, hart, word, bytes: "all" });
  const together = [event("read", 0, 9), event("read", 1, 9), event("once write", 0, 2)];
  expect(asserts(TEXT, 2, [...together, event("once read", 1, 2)])).toBe(1);
  expect(asserts(TEXT, 2, [...together, event("once read", 1, 3)])).toBe(0);
  expect(asserts(TEXT, 3, [...together, event("once read", 1, 2)])).toBe(0);
});
