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
const FLAGS = `
const GFP_WAIT = 0x10;
const GFP_KERNEL = GFP_WAIT | 0xc0;
const GFP_ATOMIC = 0x20;
/** @may_sleep_if gfp GFP_WAIT */
function kmalloc(size: u32, gfp: u32): u32 { "noinline"; word = size + gfp; return word; }
/** @may_sleep_if gfp GFP_WAIT */
function kzalloc(size: u32, gfp: u32): u32 { return kmalloc(size, gfp | 0x8000); }
function lock_either(sleep: boolean): void { "inline"; if (sleep) mutex_lock(); else word = 2; }
/** @calls_atomic func */
function timer_setup(func: (x: u32) => void): void { "noinline"; func(1); }
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

test("results that are dropped at the end of a condition, and that are not", () => {
  expect(
    found(`export function test(x: u32): void {
  if (x === 1) get_object(x);
  x !== 0 && get_object(x);
  x === 2 ? get_object(1) : get_object(2);
  for (let i: u32 = 0; i < x; get_object(i)) i++;
  const kept = get_object(x) ? get_object(3) : get_object(4);
  while (get_object(x)) word = 1;
  for (; get_object(x) && !get_object(2); ) word = kept ? 1 : 0;
}`),
  ).toEqual(["2", "3", "4", "4", "5"].map((line) => `${line}: the result of get_object tells whether it worked, and is dropped (K122)`));
});

test("flags through inlined functions, switches and merged variables", () => {
  expect(
    found(`function out(flags: u32): void { "inline"; restore(flags); }
export function inlined(): void { const flags = save(); out(flags); out(flags); }
export function merged(x: u32): void { let flags = save(); if (x === 0) { restore(flags); flags = save(); } restore(flags); if (x === 1) restore(flags); }
export function cases(x: u32): void { const flags = save(); switch (x) { case 1: restore(flags); break; case 2: restore(flags); return; default: break; } restore(flags); }
export function right(x: u32): void {
  const outer = save();
  for (let i: u32 = 0; i < x; i++) { const inner = save(); if (i === 2) { restore(inner); break; } restore(inner); }
  switch (x) { case 1: restore(outer); break; case 2: out(outer); return; default: unlock(x, outer); }
}
export function retry(x: u32): void { let flags = save(); while (word !== x) { restore(flags); flags = save(); } restore(flags); }`),
  ).toEqual(
    ["1:", "3:", "4:"].map((line) => `${line} these flags are restored a second time (K124)`),
  );
});

test("sleeping by flags, by constant arguments and in functions that are handed on", () => {
  expect(
    found(`${FLAGS}
/** @atomic */
export function a(): void { kmalloc(8, GFP_ATOMIC); lock_either(false); }
/** @atomic */
export function b(): void { kmalloc(8, GFP_KERNEL); }
/** @atomic */
export function c(): void { kzalloc(8, GFP_WAIT); }
/** @atomic */
export function d(): void { lock_either(true); }
export function thread(): void { kmalloc(8, GFP_KERNEL); lock_either(true); }
/** Put into its caller. @atomic */
function small(): void { "inline"; helper(); }
function helper(): void { "noinline"; for (let i: u32 = 0; i < word; i++) { if (i === 3) mutex_lock(); } }
export function around(): void { small(); mutex_lock(); }
function on_time(x: u32): void { if (x === 1) helper(); }
function quiet(x: u32): void { word = x; }
export function arm(): void { timer_setup(quiet); timer_setup(on_time); }`).map((line) => line.replace(/^\d+: /, "")),
  ).toEqual([
    "b must not sleep, and kmalloc may: b -> kmalloc (K123)",
    "c must not sleep, and kzalloc may: c -> kzalloc (K123)",
    "d must not sleep, and mutex_lock may: d -> lock_either -> mutex_lock (K123)",
    "small must not sleep, and mutex_lock may: small -> helper -> mutex_lock (K123)",
    "timer_setup calls on_time where nothing may sleep, and mutex_lock may: on_time -> helper -> mutex_lock (K126)",
  ]);
});

test("the address of a local that leaves by a variable or a choice", () => {
  expect(
    found(`class pair { a: u32 = 0; b: u32 = 0; }
function chosen(x: u32, p: pair): pair { "noinline"; const own = new pair(); let result: pair = p; if (x === 1) result = own; return result; }
function either(x: u32, p: Ptr<u32>): Ptr<u32> { "noinline"; let local: u32 = x; return x === 0 ? p : addressOf(local); }
function inner(p: pair): pair { "inline"; return p; }
function passed(x: u32): u32 { "noinline"; const own = new pair(); own.a = x; return inner(own).a; }
export function test(x: u32, p: pair): u32 { return chosen(x, p).a + either(x, addressOf(p.a))[0] + passed(x); }`).sort(),
  ).toEqual([
    "2: chosen returns the address of its own local (K125)",
    "3: either returns the address of its own local (K125)",
  ]);
});

test("a contract that names nothing", () => {
  expect(
    found(`/** @restores flag */
function undo(flags: u32): void { word = flags; }
/** @may_sleep_if gfp NOSUCH */
function get(gfp: u32): void { "noinline"; word = gfp; }
export function test(x: u32): void { undo(x); get(1); }`),
  ).toEqual(["2: a contract of undo names flag, which is not there (K127)", "4: a contract of get names NOSUCH, which is not there (K127)"]);
});
