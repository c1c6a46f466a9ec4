/** A guest that tries the devices' registers sees the same on our machine and on QEMU, but for what is named here. */
import { expect, test } from "vitest";
import { haveTool } from "../tools.ts";
import { dialectGuest } from "./dialect-guest.ts";
import { QEMU, runOurs, runQemuWithFile } from "./machines.ts";

const text = (bytes: Uint8Array): string[] => new TextDecoder().decode(bytes).split("\n");

/**
 * Where QEMU 7.2 departs from the specifications and we do not: a line of each name. Source 0 of the
 * PLIC does not exist, source 96 does; a pending source is heard when it is enabled; a wire that stays up is pending again
 * after its completion; a completion by a context that has the source disabled is ignored.
 */
const DEPARTURES = ["enable words", "enable words of the contexts", "plic 00000000:", "plic 00000001:", "plic 00000007:", "plic 00000008:"];
/** The lines by their names: everything before the first value. */
const nameOf = (line: string): string => line.replace(/( !?[0-9a-f]{8})+$/, "");

test.skipIf(!haveTool(QEMU))("registers of all devices, all widths, as QEMU has them", () => {
  const elf = dialectGuest("probe");
  const { stop, sent } = runOurs(elf, 100_000_000);
  expect(stop).toEqual({ kind: "poweroff" });
  const ours = text(sent);
  const args = ["-global", "virtio-mmio.force-legacy=false"];
  const theirs = text(runQemuWithFile(elf, args, "unused", new Uint8Array(0)).sent);
  expect(ours.length).toBe(theirs.length);
  expect(ours.map(nameOf)).toEqual(theirs.map(nameOf));
  const found = ours.filter((line, i) => line !== theirs[i]);
  expect(found.map(nameOf)).toEqual(DEPARTURES);
  expect(found).toMatchInlineSnapshot(`
    [
      "enable words fffffffe ffffffff ffffffff 00000001 00000000 00000000",
      "enable words of the contexts fffffffe fffffffe 00000000 00000000 00000000 00000000",
      "plic 00000000: 00000400 00000000 00000400 00000000 00000400 00000800",
      "plic 00000001: 00000400 00000000 00000000 00000400 00000000 00000400 00000800 00000400 00000a00",
      "plic 00000007: 0000000a 00000000 00000000 00000400 00000a00",
      "plic 00000008: 0000000a 00000000 00000000 00000000 00000000 00000400 00000a00 0000000a 00000000 00000000 00000000 00000000",
    ]
  `);
});
