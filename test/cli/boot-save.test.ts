/** `hartlab boot --save` and `--load`: a machine goes on in another process as it would have in this one. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Assembler } from "../../src/machine/test-assembler.ts";
import { elfFile } from "../../src/machine/test-elf.ts";
import { ROOT } from "../tidy/sources.ts";
import { finisher, hostOutput } from "./boot-guests.ts";

let folder = "";

/** Harts add to one word until it is large enough, hart 0 prints a dot every 4096 rounds of its own; then power-off. */
function counter(): Uint8Array {
  const code = new Assembler().li("s0", 0x8001_0000).li("s1", 0x1000_0000).li("s2", 200_000).li("t3", 0x2e);
  code.label("again").op("addi", "t1", "t1", 1).emit("amoadd.w", { rd: 5, rs1: 8, rs2: 6 }).li("t4", 4095).op("and", "t4", "t4", "t1");
  code.branch("bne", "t4", "x0", "next").branch("bne", "a0", "x0", "next").store("sb", "t3", "s1");
  code.label("next").branch("blt", "t1", "s2", "again").li("t0", 0x10_0000).li("t1", 0x5555).store("sw", "t1", "t0");
  return elfFile({ segments: [{ physical: code.base, bytes: code.bytes() }] });
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hartlab-save-"));
  writeFileSync(join(folder, "counter.elf"), counter());
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function boot(...args: string[]) {
  const command = [join(ROOT, "dist/hartlab.js"), "boot", ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: folder, encoding: "utf8" });
  return { status, stdout, stderr };
}

const SHAPE = ["--harts", "4", "--timing", "cycle", "--memory", "16MiB"];

test("a run in two processes is the run in one", () => {
  const whole = JSON.parse(boot("--elf", "counter.elf", ...SHAPE, "--json").stdout) as Record<string, string>;
  expect(whole).toMatchObject({ outcome: "poweroff" });
  expect(whole["console"]!.length).toBeGreaterThan(40);
  const saved = boot("--elf", "counter.elf", ...SHAPE, "--save", "state", "--save-at", "1_000_000", "--json");
  const first = JSON.parse(saved.stdout) as Record<string, string>;
  expect([saved.status, first["outcome"], saved.stderr]).toEqual([0, "saved", `hartlab: saved at cycle ${first["cycles"]}\n`]);
  // A hart's last instruction may end a little later.
  expect(Number(first["cycles"]) - 1_000_000).toBeLessThan(1000);
  const rest = JSON.parse(boot("--load", "state", "--json").stdout) as Record<string, string>;
  expect(first["console"]! + rest["console"]!).toBe(whole["console"]);
  expect({ ...rest, console: "" }).toEqual({ ...whole, console: "" });
  // Nothing of the temporary file is left.
  expect(readdirSync(folder).sort()).toEqual(["counter.elf", "state"]);
  const again = boot("--load", "state", "--save", "state", "--max-instructions", "400_000");
  expect([again.status, JSON.parse(boot("--load", "state", "--json").stdout)]).toMatchObject([3, { hash: whole["hash"] }]);
});

test("a loaded machine: without the JIT, its own instructions counted, its disks spoken of", () => {
  writeFileSync(join(folder, "disk.img"), new Uint8Array(4096));
  const disk = ["--disk", "disk.img", "--save", "disky", "--max-instructions", "300_000", "--json"];
  const begun = JSON.parse(boot("--elf", "counter.elf", ...disk).stdout) as Record<string, number>;
  const [jit, interpreted] = [[], ["--no-jit"]].map((more) => boot("--load", "disky", "--max-instructions", "1000", "--json", ...more));
  expect(JSON.parse(jit!.stdout)).toMatchObject({ outcome: "budget", instructions: begun["instructions"]! + 1000 });
  expect(interpreted!.stdout).toBe(jit!.stdout);
  expect(jit!.stderr).toMatch(/^hartlab: the machine's disks are in the snapshot: what it writes to them goes into --save, not into image files\n/);
  rmSync(join(folder, "disky"));
  rmSync(join(folder, "disk.img"));
});

test("the end by tohost needs the executable beside the snapshot", () => {
  writeFileSync(join(folder, "host.elf"), hostOutput());
  expect(boot("--elf", "host.elf", "--save", "begun", "--save-at", "20").status).toBe(0);
  expect(boot("--load", "begun", "--elf", "host.elf")).toMatchObject({ status: 0, stdout: "hi!\n" });
});

test("what does not go is a sentence, and what was there stays", () => {
  boot("--elf", "counter.elf", ...SHAPE, "--save", "state", "--save-at", "1000");
  const bytes = readFileSync(join(folder, "state"));
  writeFileSync(join(folder, "short"), bytes.subarray(0, 5000));
  const damaged = Buffer.from(bytes);
  damaged[9000]! ^= 1;
  writeFileSync(join(folder, "damaged"), damaged);
  writeFileSync(join(folder, "off.elf"), finisher(0x5555));
  boot("--elf", "off.elf", "--save", "over");
  const sentences = [
    boot("--load", "absent"),
    boot("--load", "short"),
    boot("--load", "damaged"),
    boot("--load", "counter.elf"),
    boot("--load", "over"),
    boot("--load", "state", "--harts", "4", "--disk", "counter.elf"),
    boot("--elf", "counter.elf", "--save-at", "5"),
    boot("--elf", "counter.elf", "--save", "nowhere/state", "--save-at", "x"),
  ].map(({ status, stdout, stderr }) => `${status} ${stdout}${stderr.replace(String(bytes.length), "LENGTH")}`);
  expect(sentences.join("")).toMatchInlineSnapshot(`
    "2 cannot read the snapshot absent: there is no such file
      Check the path.
    2 short: the snapshot is truncated: it has 5000 bytes and says LENGTH
      The file is damaged or was not written by hartlab.
    2 damaged: the snapshot's checksum does not fit its contents
      The file is damaged or was not written by hartlab.
    2 counter.elf: this is no snapshot of a machine
      hartlab boot --save FILE writes one.
    2 over: the machine has ended (poweroff)
      Save one before its end, with --save-at.
    2 --harts with --load: the snapshot decides it
      Leave one of the two out.
    --disk with --load: the snapshot decides it
      Leave one of the two out.
    2 --save-at without --save
      Give the file that the machine is to be saved to.
    2 --save-at x: it must be a whole number of cycles from 1
      For example --save-at 1_000_000_000.
    cannot write nowhere/state: there is no such file
      Choose a folder that exists and can be written.
    "
  `);
  expect(existsSync(join(folder, "nowhere"))).toBe(false);
  expect(readFileSync(join(folder, "state")).equals(bytes)).toBe(true);
});
