/** A guest that drives a virtio block device says the same, and leaves the same disk, on our machine and on QEMU. */
import { expect, test } from "vitest";
import type { Machine } from "../../src/machine/types.ts";
import { haveTool } from "../tools.ts";
import { dialectGuest } from "./dialect-guest.ts";
import { QEMU, bootOurs, runQemuWithFile } from "./machines.ts";

const SECTORS = 64;
const disk = (): Uint8Array => Uint8Array.from({ length: SECTORS * 512 }, (_, i) => (i * 7 + (i >>> 9)) & 0xff);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Console, disk at the end and machine hash of a run. */
function runOn(timing: "functional" | "cycle", interleave: "exact" | "ahead"): [string, Uint8Array, string] {
  const machine = bootOurs(dialectGuest("virtio-blk"), {
    timing,
    interleave,
    harts: 2,
    disks: [{ bytes: disk(), readOnly: false }],
  });
  const stop = machine.run({ maxInstructions: 2_000_000 });
  expect(stop).toEqual({ kind: "poweroff" });
  return [text(machine.drainConsole()), machine.readDisk(0), machine.hash()];
}

test.each(["functional", "cycle"] as const)("%s: what the guest sees", (timing) => {
  const [said, after, hash] = runOn(timing, "ahead");
  expect(said).toMatchInlineSnapshot(`
    "slot 7 version 00000002
    features 32.. 00000001
    indirect, flush 10000200
    status 0000000b
    queue 1 size 00000000
    queue 0 size 00000400
    ready 00000001
    capacity 00000040
    block size 00000200
      its interrupt, why 00000001 pending 00000000
    read 00000000
    sum d05d8a00
      its interrupt, why 00000001 pending 00000000
    write 00000000
      its interrupt, why 00000001 pending 00000000
    flush 00000000
      its interrupt, why 00000001 pending 00000000
    written 00000401
    read back 00000000
    sum 2503dc80
    sum wanted 2503dc80
    used 00000004
      its interrupt, why 00000001 pending 00000000
    beyond the end 00000001
      its interrupt, why 00000001 pending 00000000
    no such type 00000002
    loop: why 00000002
    loop: status 0000004f
    features 32.. 00000001
    indirect, flush 10000200
    status 0000000b
    queue 1 size 00000000
    queue 0 size 00000400
    ready 00000001
      its interrupt, why 00000001 pending 00000000
    read again 00000000
    sum 2ec5ee40
    "
  `);
  const expected = disk();
  expect(after.subarray(0, 5 * 512)).toEqual(expected.subarray(0, 5 * 512));
  expect(after.subarray(7 * 512)).toEqual(expected.subarray(7 * 512));
  expect(new DataView(after.buffer).getUint32(5 * 512 + 4, true)).toBe(0x9e37_79b9);
  if (timing === "cycle") expect(runOn(timing, "exact")).toEqual([said, after, hash]);
});

test("slices and snapshots in the middle of requests change nothing; a restored disk is the old one", () => {
  const elf = dialectGuest("virtio-blk");
  const boot = (): Machine => bootOurs(elf, { timing: "cycle", disks: [{ bytes: disk(), readOnly: false }] });
  const whole = boot();
  whole.run({ maxInstructions: 2_000_000 });
  const sliced = boot();
  const snapshot = sliced.snapshot();
  const hashes = (): string[] => {
    const seen: string[] = [];
    for (let budget = 3_000; ; budget += 3_000) {
      const stop = sliced.run({ maxInstructions: budget });
      seen.push(sliced.hash());
      if (stop.kind === "poweroff") return seen;
    }
  };
  const first = hashes();
  expect(first.length).toBeGreaterThan(3);
  expect(sliced.hash()).toBe(whole.hash());
  sliced.restore(snapshot);
  expect(sliced.readDisk(0)).toEqual(disk());
  expect(hashes()).toEqual(first);
  expect(sliced.readDisk(0)).toEqual(whole.readDisk(0));
});

test.skipIf(!haveTool(QEMU))("QEMU sees the same", () => {
  const [said, disk_] = runOn("functional", "ahead");
  const args = ["-global", "virtio-mmio.force-legacy=false", "-device", "virtio-blk-device,drive=d"];
  const drive = ["-drive", "file=disk,if=none,format=raw,id=d"];
  const { sent, after } = runQemuWithFile(dialectGuest("virtio-blk"), [...drive, ...args], "disk", disk());
  expect(text(sent)).toBe(said);
  expect(after).toEqual(disk_);
});
