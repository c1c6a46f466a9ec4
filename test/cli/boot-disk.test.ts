/** `hartlab boot --disk`: the guest's writes stay in memory, or go to the file when that is asked for. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dialectGuest } from "../differential/dialect-guest.ts";
import { ROOT } from "../tidy/sources.ts";

const IMAGE = Buffer.alloc(64 * 512, 7);
/** The sectors that the guest writes. */
const WRITTEN = [5 * 512, 7 * 512] as const;
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hartlab-disk-"));
  writeFileSync(join(folder, "guest.elf"), dialectGuest("virtio-blk"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function boot(...args: string[]) {
  writeFileSync(join(folder, "disk"), IMAGE);
  const command = [join(ROOT, "dist/hartlab.js"), "boot", "--elf", "guest.elf", ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: folder, encoding: "utf8" });
  return { status, stdout, stderr, disk: readFileSync(join(folder, "disk")) };
}

test("writes go to a copy, unless they are to go back", () => {
  const plain = boot("--disk", "disk");
  expect([plain.status, plain.disk.equals(IMAGE)]).toEqual([0, true]);
  expect(plain.stdout).toContain("read back 00000000\n");
  const back = boot("--disk", "disk", "--disk-write-back");
  expect([back.status, back.stdout]).toEqual([0, plain.stdout]);
  expect(back.disk.subarray(...WRITTEN).equals(IMAGE.subarray(...WRITTEN))).toBe(false);
  expect(back.disk.subarray(WRITTEN[1]).equals(IMAGE.subarray(WRITTEN[1]))).toBe(true);
});

test("a read-only disk refuses, two disks have their order, none is seen without the option", () => {
  expect(boot("--disk", "disk,ro").stdout).toContain("write 00000001\n");
  writeFileSync(join(folder, "small"), Buffer.alloc(512));
  expect(boot("--disk", "small", "--disk", "disk").stdout).toContain("slot 6 version");
  expect(boot("--virtio-console").stdout).toBe("no block device\n");
});

test("bad images are a sentence", () => {
  writeFileSync(join(folder, "odd"), Buffer.alloc(700));
  const bad = (...args: string[]): unknown => {
    const { status, stderr } = boot(...args);
    return [status, stderr];
  };
  expect([bad("--disk", "absent"), bad("--disk", "odd"), bad("--disk", "disk,ro", "--disk-write-back")]).toMatchInlineSnapshot(`
    [
      [
        2,
        "cannot read the disk image absent: there is no such file
      Check the path.
    ",
      ],
      [
        2,
        "the disk image odd has 700 bytes, no whole number of 512-byte sectors
      Extend it, for example with truncate -s 64M.
    ",
      ],
      [
        2,
        "--disk-write-back, but there is no disk that can be written
      Give --disk FILE without ,ro.
    ",
      ],
    ]
  `);
});
