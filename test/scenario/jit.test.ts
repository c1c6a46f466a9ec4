/** A scenario with and without the JIT: one JSON document, hash, locks, leaks and events included. */
import { expect, test } from "vitest";
import { LOST_OBJECT, run } from "./run.ts";

test.each(["functional", "cycle"])("%s: the same result", (timing) => {
  const mode = ["--set", `machine.timing=${timing}`];
  const compiled = run(LOST_OBJECT, ...mode, "--set", "machine.jit=true").result;
  expect(compiled).toEqual(run(LOST_OBJECT, ...mode, "--no-jit").result);
  expect(compiled.hash).toMatch(/^[0-9a-f]{64}$/);
}, 60_000);
