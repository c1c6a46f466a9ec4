/**
 * A stock Linux on our machine and, with our firmware, on QEMU: it reaches its init, forks, takes CPU 1 offline and online,
 * and powers off. `make linux` builds the image; without it these tests say so and are skipped.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { linuxImage } from "../../scripts/linux/image.ts";
import { ownFirmware } from "../../src/cli/boot/firmware.ts";
import { ROOT } from "../tidy/sources.ts";
import { haveTool } from "../tools.ts";

const IMAGE = linuxImage();
if (IMAGE === null) {
  console.warn("\n*** SKIPPED: there is no Linux image; `make linux` builds it (it says what it needs) ***\n");
}
const ARGUMENTS = "earlycon=sbi console=ttyS0";
const QEMU = "qemu-system-riscv32";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hartlab-linux-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Boot {
  readonly outcome: string;
  readonly instructions: number;
  readonly cycles: number;
  readonly hash: string;
  readonly console: string;
}

function boot(append: string, ...args: string[]): Boot {
  const command = [join(ROOT, "dist/hartlab.js"), "boot", "--image", IMAGE!, "--append", append, "--json"];
  const limit = ["--max-instructions", "3_000_000_000"];
  const child = spawnSync(process.execPath, [...command, ...limit, ...args], { cwd: folder, encoding: "utf8", maxBuffer: 1 << 26 });
  if (child.stderr !== "") console.log(child.stderr);
  return JSON.parse(child.stdout) as Boot;
}

/** What init says, without the kernel's own lines. */
function init(text: string): string {
  const lines = text.replaceAll("\r", "").split("\n");
  return lines.filter((line) => /^(init:|\/(hello|sys))/.test(line)).join("\n");
}

const SINGLE = `init: hello
/hello: absent
/sys/devices/system/cpu/online: 0
init: children that did well: 8, my pages are mine
init: cpu1 online <- 0: -2
/sys/devices/system/cpu/online: 0
init: cpu1 online <- 1: -2
/sys/devices/system/cpu/online: 0
init: done`;

const FOUR = `init: hello
/hello: absent
/sys/devices/system/cpu/online: 0-3
init: children that did well: 8, my pages are mine
init: cpu1 online <- 0: 0
/sys/devices/system/cpu/online: 0,2-3
init: cpu1 online <- 1: 0
/sys/devices/system/cpu/online: 0-3
init: done`;

/** A newc archive with one file: what an initial ramdisk is. */
function archive(name: string, contents: string): Uint8Array {
  const pad = (text: string): string => text + "\0".repeat(-text.length & 3);
  const entry = (path: string, mode: number, data: string): string => {
    const fields = [1, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, path.length + 1, 0];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
    return pad(`${header}${path}\0`) + pad(data);
  };
  return Buffer.from(entry(name, 0o100644, contents) + entry("TRAILER!!!", 0, ""), "latin1");
}

test.skipIf(!IMAGE)("one hart", () => {
  const result = boot(ARGUMENTS);
  expect(init(result.console)).toBe(SINGLE);
  expect(result.outcome).toBe("poweroff");
});

test.skipIf(!IMAGE)("four harts, twice the same, and the same without the JIT", () => {
  const result = boot(ARGUMENTS, "--harts", "4");
  expect(init(result.console)).toBe(FOUR);
  expect(result.outcome).toBe("poweroff");
  expect(boot(ARGUMENTS, "--harts", "4")).toEqual(result);
  expect(boot(ARGUMENTS, "--harts", "4", "--no-jit")).toEqual(result);
});

test.skipIf(!IMAGE)("four harts in cycle mode: running ahead changes nothing, console and hash included", () => {
  const cycle = ["--harts", "4", "--timing", "cycle"];
  const ahead = boot(ARGUMENTS, ...cycle);
  expect(init(ahead.console)).toBe(FOUR);
  const exact = boot(ARGUMENTS, ...cycle, "--interleave", "exact");
  expect({ ...exact, interleave: "ahead" }).toEqual(ahead);
});

test.skipIf(!IMAGE)("an initial ramdisk is found", () => {
  writeFileSync(join(folder, "root.cpio"), archive("hello", "from the ramdisk\n"));
  const { console: text } = boot(ARGUMENTS, "--initrd", "root.cpio");
  expect(init(text)).toBe(SINGLE.replace("/hello: absent", "/hello: from the ramdisk"));
});

test.skipIf(!IMAGE)("what is typed reaches a program through the UART's interrupt", () => {
  writeFileSync(join(folder, "typed"), "seven words from a file to Linux\n");
  const { console: text, outcome } = boot(`${ARGUMENTS} init.ask`, "--input", "typed", "--input-after", "say something");
  expect(outcome).toBe("poweroff");
  expect(init(text)).toContain("init: heard seven words from a file to Linux\ninit: done");
});

test.skipIf(!IMAGE)("eight harts, 1 GiB", () => {
  const { console: text } = boot(ARGUMENTS, "--harts", "8", "--memory", "1GiB");
  expect(init(text)).toBe(FOUR.replaceAll("0-3", "0-7").replace("0,2-3", "0,2-7"));
});

test.skipIf(!IMAGE || !haveTool(QEMU))("our firmware boots it on QEMU, with and without stimecmp", async () => {
  const firmware = await ownFirmware();
  if (!firmware.ok) throw new Error("the firmware does not compile");
  writeFileSync(join(folder, "firmware.elf"), firmware.value);
  for (const [cpu, harts] of [["rv32", 1], ["rv32", 4], ["rv32,sstc=off", 4]] as const) {
    const machine = ["-M", "virt", "-m", "128", "-cpu", cpu, "-smp", String(harts), "-nographic"];
    const child = spawnSync(QEMU, [...machine, "-bios", "firmware.elf", "-kernel", IMAGE!, "-append", ARGUMENTS], {
      cwd: folder, encoding: "latin1", input: "", timeout: 120_000,
    });
    expect(init(child.stdout), cpu).toBe(harts === 1 ? SINGLE : FOUR);
  }
});
