/** `build --watch`: builds, builds again after a change, says what is wrong and goes on. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../tidy/sources.ts";

const WORKLOAD = 'import { pr_info } from "kernel/lib/printk.ts";\nexport function hello(arg: u32): void { pr_info("hello %u\\n", arg); }\n';

test("a change of the workload is built at once, a mistake is told", { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "hartlab-watch-"));
  const scenario = join(folder, "hello.yaml");
  const workload = join(folder, "hello.ts");
  writeFileSync(scenario, "name: test/hello\nworkload: ./hello.ts\ntasks:\n  - { run: hello, on: 0 }\nuntil: poweroff\n");
  writeFileSync(workload, WORKLOAD);
  const out = join(folder, "out");
  const child = spawn(process.execPath, [join(ROOT, "dist/hartlab.js"), "build", scenario, "--watch", "--out", out]);
  let said = "";
  let heard = (): void => {};
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (text: Buffer) => {
      said += text.toString();
      heard();
    });
  /** What was said up to the end of the next build. */
  const build = async (): Promise<string> => {
    while (!said.includes("Ctrl-C ends\n")) await new Promise<void>((resolve) => (heard = resolve));
    const text = said;
    said = "";
    return text;
  };
  try {
    expect(await build()).toContain("kernel.elf");
    const first = readFileSync(join(out, "kernel.elf"));
    writeFileSync(workload, WORKLOAD.replace("hello %u", "goodbye %u"));
    expect(await build()).toContain("kernel.elf");
    const second = readFileSync(join(out, "kernel.elf"));
    expect(second.equals(first)).toBe(false);
    writeFileSync(workload, WORKLOAD.replace("arg)", "args)"));
    expect(await build()).toMatch(/unknown name args \(K020\)/);
    writeFileSync(workload, WORKLOAD);
    await build();
    expect(readFileSync(join(out, "kernel.elf")).equals(first)).toBe(true);
  } finally {
    child.kill();
    rmSync(folder, { recursive: true });
  }
});
