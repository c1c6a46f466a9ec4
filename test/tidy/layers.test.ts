import { expect, test } from "vitest";
import { folderOf, GUEST_LAYERS, HOST_LAYERS, violations } from "./layers.ts";
import { imports, sources } from "./sources.ts";

const isTest = (path: string) => /\.test\.ts$/.test(path);

test("the host's layers import downwards only", () => {
  const files = sources("src").filter(({ path }) => !isTest(path));
  expect(files.length).toBeGreaterThan(50);
  expect(violations(files, HOST_LAYERS)).toEqual([]);
});

test("the guest's layers import downwards only", () => {
  const files = sources("kernel", "firmware");
  expect(files.length).toBeGreaterThan(30);
  expect(violations(files, GUEST_LAYERS)).toEqual([]);
});

test("every folder of the guest has a row, and every row is used", () => {
  const files = sources("kernel", "firmware").filter(({ path }) => path.split("/").length > 2 || path.startsWith("firmware/"));
  expect(files.filter(({ path }) => folderOf(path, GUEST_LAYERS) === null)).toEqual([]);
  for (const [folder, allowed] of Object.entries(GUEST_LAYERS)) {
    for (const other of allowed.filter((one) => one.endsWith(".ts"))) {
      const without = { ...GUEST_LAYERS, [folder]: allowed.filter((one) => one !== other) };
      expect(violations(files, without), `nothing of ${folder} imports ${other}`).not.toEqual([]);
    }
  }
});

test("the check sees an edge upwards", () => {
  const file = { path: "kernel/rcu/x.ts", text: 'import { cpu_up } from "../cpu/hotplug.ts";\nimport { get_online_cpus } from "../cpu/lock.ts";' };
  expect(violations([file], GUEST_LAYERS)).toEqual([{ file: "kernel/rcu/x.ts", imports: "kernel/cpu/hotplug.ts" }]);
});

test("the check sees static, type-only, dynamic and bare imports", () => {
  const text = `
    import { a } from "../isa/index.ts";
    import type { B } from "../lab/b.ts";
    // import { no } from "../cli/no.ts";
    const c = await import("../cli/c.ts");
    import "node:fs";
    export { d } from "../report/d.ts";
  `;
  const file = { path: "src/machine/x.ts", text };
  expect(imports(text)).toHaveLength(5);
  expect(violations([file], HOST_LAYERS).map((violation) => violation.imports)).toEqual([
    "src/lab/b.ts",
    "src/cli/c.ts",
    "node:fs",
    "src/report/d.ts",
  ]);
});
