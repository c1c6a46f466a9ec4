/** The kernel's block driver on our machine and on QEMU, with a disk, a read-only one and none. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { formatProblem, type Result } from "../../src/base/result.ts";
import { guestSources } from "../../src/cli/files.ts";
import { build } from "../../src/compiler/build.ts";
import { createMachine } from "../../src/machine/machine.ts";
import type { DiskConfig, MachineConfig } from "../../src/machine/types.ts";
import { haveTool } from "../tools.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const WORKLOAD = "kernel/guest/disk.ts";
const QEMU = "qemu-system-riscv32";
const SECTORS = 128;
const ts = createRequire(import.meta.url)("typescript");
let elf: Uint8Array;

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}

beforeAll(() => {
  const files = guestSources(ROOT);
  files.set(WORKLOAD, fs.readFileSync(path.join(import.meta.dirname, "guests/disk.ts"), "utf8"));
  const entries = ["firmware/start.ts", "kernel/arch/head.ts", "kernel/init/main.ts"];
  const tasks = ["refusals", "disk_user"];
  elf = value(build(ts, { files, entries, workload: WORKLOAD, tasks, config: {} })).elf;
}, 60_000);

/** What the tasks said, without the time. */
function said(console: string): string[] {
  return console
    .split("\n")
    .map((line) => line.replace(/^\[ *\d+\.\d+\] /, ""))
    .filter((line) => /^(virtio_blk|init|again|read|behind|no |write|disk_user|WARNING|BUG|Oops)/.test(line));
}

function run(bootargs: string, disks: readonly DiskConfig[], config: Partial<MachineConfig> = {}): { lines: string[]; disk: Uint8Array | null; hash: string } {
  const machine = value(
    createMachine({
      harts: 2,
      memoryBytes: 32 << 20,
      timing: "functional",
      interleave: "ahead",
      bootargs,
      lab: false,
      recordMarks: false,
      disks,
      ...config,
    }),
  );
  value(machine.loadElf(elf));
  let console = "";
  for (;;) {
    const stop = machine.run({ maxInstructions: 100_000_000 });
    console += Buffer.from(machine.drainConsole()).toString();
    if (stop.kind === "drain") continue;
    expect(stop, console).toEqual({ kind: "poweroff" });
    return { lines: said(console), disk: disks.length > 0 ? machine.readDisk(0) : null, hash: machine.hash() };
  }
}

const disk = (readOnly = false): DiskConfig => ({ bytes: new Uint8Array(SECTORS * 512), readOnly });

test("without a disk, with a read-only one", () => {
  const none = run("task=refusals@0", []).lines;
  const locked = run("task=refusals@0", [disk(true)]).lines;
  expect([none, locked]).toMatchInlineSnapshot(`
    [
      [
        "init -19",
        "again -19, capacity 0",
        "read -19 flush -19",
        "behind the end -19 over the end -19",
        "no size -19 half a sector -19",
        "no such request -19 nowhere -19",
      ],
      [
        "virtio_blk: 128 sectors, interrupt 8, read-only",
        "init 0",
        "again 0, capacity 128",
        "read 0 flush 0",
        "behind the end -5 over the end -5",
        "no size -22 half a sector -22",
        "no such request -22 nowhere -22",
        "write -5",
      ],
    ]
  `);
});

const USERS = "task=disk_user@all";

test.each(["functional", "cycle"] as const)("%s: CPUs write and read their parts at once", (timing) => {
  const { lines, disk: after } = run(USERS, [disk()], { timing });
  expect(lines.filter((line) => line.startsWith("disk_user")).sort()).toEqual([
    "disk_user: part 0 of 2, 0 wrong",
    "disk_user: part 1 of 2, 0 wrong",
  ]);
  const words = new DataView(after!.buffer);
  expect([words.getUint32(0, true), words.getUint32(16 * 512 + 4, true)]).toEqual([77, 16 + 78]);
});

test("running ahead changes nothing: DMA and interrupts are where they are one instruction at a time", () => {
  const ahead = run(USERS, [disk()], { timing: "cycle" });
  const exact = run(USERS, [disk()], { timing: "cycle", interleave: "exact" });
  expect(exact).toEqual(ahead);
}, 60_000);

test.skipIf(!haveTool(QEMU))("QEMU: the same lines and the same disk", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "hartlab-disk-"));
  try {
    fs.writeFileSync(path.join(folder, "disk"), disk().bytes);
    fs.writeFileSync(path.join(folder, "kernel.elf"), elf);
    const machine = ["-M", "virt", "-m", "32M", "-smp", "2", "-bios", "none", "-kernel", "kernel.elf"];
    const quiet = ["-display", "none", "-monitor", "none", "-serial", "stdio", "-append", USERS];
    const drive = ["-drive", "file=disk,if=none,format=raw,id=d", "-device", "virtio-blk-device,drive=d"];
    const args = [...machine, ...quiet, ...drive, "-global", "virtio-mmio.force-legacy=false"];
    const qemu = spawnSync(QEMU, args, { cwd: folder, encoding: "utf8", timeout: 50_000 });
    expect(qemu.status, qemu.stdout + qemu.stderr).toBe(0);
    const ours = run(USERS, [disk()]);
    expect(said(qemu.stdout).sort()).toEqual(ours.lines.sort());
    expect(new Uint8Array(fs.readFileSync(path.join(folder, "disk")))).toEqual(ours.disk);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
