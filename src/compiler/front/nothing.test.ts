/** Objects of no bytes: what is written about them costs nothing. */
import { expect, test } from "vitest";
import { Runner, compileUnit } from "./testing/run-unit.ts";

const CLASSES = `
const N = 0;
class token { readonly words = new FixedArray<u32>(N); }
class holder { a: u32; readonly t = new token(); b: u32; }
`;

const SOURCE = `${CLASSES}
let taken: u32 = 0;
function next(): u32 { "noinline"; taken += 1; return taken; }
function make(_n: u32, t: token): token { "inline"; return t; }
function take(t: token, x: u32, u: token, y: u32): u32 { "noinline"; const again = t; return pass(again, x) * 10 + pass(u, y); }
function pass(_t: token, x: u32): u32 { "noinline"; return x; }
export function test(): u32 {
  const here = new token();
  const h = new holder();
  h.b = 4;
  const fn: (t: token, x: u32) => u32 = pass;
  return sizeof<token>() + sizeof<holder>() * 1000 + take(make(next(), here), 3, h.t, h.b) + fn(here, 100) + taken * 10000;
}
`;

test("they are not passed, have no place on the frame, and their arguments are evaluated all the same", () => {
  const unit = compileUnit(SOURCE);
  const parameters = new Map(unit.functions.map((fn) => [fn.symbol, fn.paramCount]));
  expect(parameters.get("take")).toBe(2);
  expect(parameters.get("pass.1")).toBe(1);
  expect(new Runner(SOURCE).call("test")).toBe(8000 + 34 + 100 + 10000);
});

test("the frame has no place for them", () => {
  const frame = (statement: string): unknown =>
    compileUnit(`${CLASSES}\nfunction use(_t: token): void { "noinline"; }\nexport function test(): void { ${statement} }`)
      .functions.find(({ symbol }) => symbol === "test")!.frame;
  expect(frame("const t = new token(); use(t);")).toEqual(frame(""));
});

test("a class with one element is passed", () => {
  const unit = compileUnit(SOURCE.replace("const N = 0", "const N = 1"));
  expect(unit.functions.find(({ symbol }) => symbol === "take")!.paramCount).toBe(4);
});
