/** Contracts in doc comments: what breaks them is found, what keeps them is not. */
import { expect, test } from "vitest";
import { problemsOf } from "./testing/run-unit.ts";

const LIBRARY = `
let word: u32 = 0;
/** @must_use */
function get_object(x: u32): boolean { "noinline"; return x !== word; }
function save(): u32 { "noinline"; return word; }
/** Back to what it was. @restores flags */
function restore(flags: u32): void { word = flags; }
/** @restores flags */
function unlock(x: u32, flags: u32): void { word = x; restore(flags); }
/** @may_sleep */
function mutex_lock(): void { "noinline"; word = 1; }
`;
/** Line within \`source\` and first line of each problem. */
const found = (source: string): string[] =>
  problemsOf(LIBRARY + source).map((text) => {
    const [, line, message] = /:(\d+):\d+: (.*)/.exec(text)!;
    return `${Number(line) - LIBRARY.split("\n").length + 1}: ${message}`;
  });

test("a dropped result", () => {
  expect(
    found(`export function test(x: u32): u32 {
  get_object(x);
  if (get_object(x)) return 1;
  const ignored = get_object(x);
  return ignored ? 2 : 3;
}`),
  ).toEqual(["2: the result of get_object tells whether it worked, and is dropped (K122)"]);
});

test("flags restored twice on a path, in a loop, and rightly", () => {
  expect(
    found(`export function test(x: u32): void {
  const flags = save();
  if (x === 0) restore(flags);
  unlock(x, flags);
  const more = save();
  for (let i: u32 = 0; i < x; i++) restore(more);
}
export function right(x: u32): void {
  for (let i: u32 = 0; i < x; i++) { const flags = save(); if (i === 3) { restore(flags); continue; } unlock(x, flags); }
  let flags = save();
  if (x === 1) { restore(flags); flags = save(); }
  if (x === 2) { restore(flags); return; }
  restore(flags);
}`),
  ).toEqual([
    "4: these flags are restored a second time (K124)",
    "6: these flags are restored a second time (K124)",
  ]);
});

test("sleeping where nothing may sleep, with the way there", () => {
  expect(
    found(`function a(): void { "noinline"; b(word); }
function b(x: u32): void { if (x !== 0) mutex_lock(); }
/** A timer. @atomic */
export function tick(x: u32): void { word = x; a(); }
/** @atomic */
export function fine(x: u32): void { word = x; unlock(x, save()); }
export function thread(): void { mutex_lock(); }`),
  ).toEqual(["4: tick must not sleep, and mutex_lock may: tick -> a -> b -> mutex_lock (K123)"]);
});

test("the address of a local that leaves", () => {
  expect(
    found(`class pair { a: u32 = 0; b: u32 = 0; }
function first(): pair { const p = new pair(); return p; }
function second(): Ptr<u32> { const p = new pair(); return addressOf(p.b); }
function third(x: u32): Ptr<u32> { let local: u32 = x; return addressOf(local); }
function given(p: pair): Ptr<u32> { return addressOf(p.b); }
export function test(x: u32): u32 { const p = new pair(); return first().a + second()[0] + third(x)[0] + given(p)[0]; }`),
  ).toEqual([
    "3: second returns the address of its own local (K125)",
    "4: third returns the address of its own local (K125)",
    "2: first returns the address of its own local (K125)",
  ].sort());
});
