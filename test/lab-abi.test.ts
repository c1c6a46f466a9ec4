/** The machine may not import kernel/, so what both sides must agree on is compared here. */
import { expect, test } from "vitest";
import { LAB, LAB_MAGIC, LAB_VERSION } from "../kernel/abi/lab-device.ts";
import { MACHINE_RECORD } from "../kernel/abi/marks.ts";
import {
  LAB_MAGIC as MAGIC,
  LAB_REGISTER,
  LAB_VERSION as VERSION,
} from "../src/machine/device/lab.ts";
import { RECORD_IRQS_OFF } from "../src/machine/hart/irqs-off.ts";

test("the lab device's registers are those the kernel's driver uses", () => {
  expect(LAB_REGISTER).toEqual({
    MAGIC: LAB.MAGIC,
    VERSION: LAB.VERSION,
    STATUS: LAB.STATUS,
    OP: LAB.OP,
    ARG: LAB.ARG,
    SEQ: LAB.SEQ,
    ACK: LAB.ACK,
    RESULT: LAB.RESULT,
  });
  expect([LAB_MAGIC, LAB_VERSION]).toEqual([MAGIC, VERSION]);
});

test("the machine's own records have the kernel's numbers", () => {
  expect(MACHINE_RECORD.IRQS_OFF).toBe(RECORD_IRQS_OFF);
});
