import fc from "fast-check";
import { expect, test } from "vitest";
import { BYTE, Shadow } from "./shadow.ts";

const BASE = 0xc000_0f00;
const SPAN = 0x300;

const step = fc.oneof(
  fc.record({ op: fc.constant("fill" as const), at: fc.nat(SPAN - 1), length: fc.nat(300), state: fc.integer({ min: 0, max: 5 }) }),
  fc.record({ op: fc.constantFrom("read" as const, "write" as const), at: fc.nat(SPAN - 1), log: fc.nat(2) }),
);

test("a byte's state is what a plain array says, across pages too", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const shadow = new Shadow();
      const model = new Uint8Array(SPAN + 512);
      for (const one of steps) {
        if (one.op === "fill") {
          shadow.fill(BASE + one.at, one.length, one.state);
          model.fill(one.state, one.at, one.at + one.length);
          continue;
        }
        const bytes = 1 << one.log;
        const at = one.at & -bytes;
        const states = [...model.subarray(at, at + bytes)];
        const worst = Math.max(...states);
        const found = shadow[one.op](BASE + at, bytes);
        // Nothing bad, nothing unwritten: which good state it is matters to nobody.
        if (worst > BYTE.WRITTEN || found > BYTE.WRITTEN) expect(found).toBe(one.op === "write" && worst === BYTE.UNWRITTEN ? found : worst);
        if (one.op === "write")
          states.forEach((state, i) => {
            if (state === BYTE.UNWRITTEN) model[at + i] = BYTE.WRITTEN;
          });
      }
      for (let i = 0; i < SPAN; i++) expect(shadow.at(BASE + i)).toBe(model[i]);
    }),
  );
});
