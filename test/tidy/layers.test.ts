import { expect, test } from "vitest";
import { GUEST_LAYERS, HOST_LAYERS, violations } from "./layers.ts";
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
