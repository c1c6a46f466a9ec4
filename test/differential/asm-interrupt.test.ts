/** asm`...` with operands and "interrupt" functions do the same on our machine and on QEMU. */
import { expect, test } from "vitest";
import { haveTool } from "../tools.ts";
import { dialectGuest } from "./dialect-guest.ts";
import { QEMU, runOurs, runQemu } from "./machines.ts";

test.skipIf(!haveTool(QEMU))("operands, and traps in the middle of everything", () => {
  const elf = dialectGuest("asm-interrupt");
  const { stop, sent } = runOurs(elf, 50_000_000);
  expect(stop).toEqual({ kind: "poweroff" });
  const ours = new TextDecoder().decode(sent);
  expect(ours).toMatchInlineSnapshot(`
    "sum 00000006
    carry 00000001
    product 00000005
    count 1000000c
    pressure 00006e1a
    machine ticks 00000014
    check 7ce142b1
    mixed 9b94ee87
    sstatus 00000000
    supervisor ticks 00000030
    word 6524db0e
    "
  `);
  expect(new TextDecoder().decode(runQemu(elf))).toBe(ours);
});
