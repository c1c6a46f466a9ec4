import { expect, test } from "vitest";
import type { Symbols } from "../image/symbols.ts";
import { foldedStacks, foldedText, frameName } from "./folded.ts";
import { INTERRUPT, type ProfileNode } from "./sampler.ts";

const node = (samples: number, instructions: number, children: [number, ProfileNode][] = []): ProfileNode => ({ samples, instructions, children: new Map(children) });
const symbols = {
  frames: (address: number) => (address === 9 ? [{ function: "inner", file: "a.ts", line: 1 }, { function: "outer", file: "a.ts", line: 2 }] : []),
} as unknown as Symbols;

test("stacks as lines: inlined functions are frames, equal stacks one line, what separates is no part of a name", () => {
  const root = node(0, 0, [
    [0, node(0, 0, [[100, node(0, 0, [[9, node(2, 50, [[16, node(1, 0)]])]])], [200, node(0, 0, [[9, node(3, 7)]])]])],
    [1, node(0, 0, [[INTERRUPT, node(0, 0, [[9, node(1, 4)]])]])],
  ]);
  const profile = { period: 10, samples: 6, root };
  const taskName = (): string => "a;b\n c/1";
  expect(foldedText(foldedStacks(profile, "cycles", symbols, taskName))).toBe(
    "hart 0;a_b_ c/1;outer;inner 50\nhart 0;a_b_ c/1;outer;inner;0x10 10\nhart 1;interrupt;outer;inner 10\n",
  );
  expect(foldedText(foldedStacks(profile, "instructions", symbols, taskName))).toBe("hart 0;a_b_ c/1;outer;inner 57\nhart 1;interrupt;outer;inner 4\n");
  expect([" ", "x\x1b[2J", "\u2028"].map(frameName)).toEqual(["_", "x_[2J", "_"]);
});
