import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { fingerprint } from "./fingerprint.ts";
import type { FingerprintInput } from "./fingerprint.ts";

const base: FingerprintInput = {
  files: new Map([
    ["kernel/a.ts", "one"],
    ["kernel/b.ts", "two"],
  ]),
  entries: ["kernel/a.ts"],
  workload: null,
  tasks: ["churn"],
  config: { marks: true, "kmemleak.design": "km08-fix" },
};

test("the order of files and keys does not matter", () => {
  const other: FingerprintInput = {
    ...base,
    files: new Map([...base.files].reverse()),
    config: { "kmemleak.design": "km08-fix", marks: true },
  };
  expect(fingerprint(other, "1")).toBe(fingerprint(base, "1"));
});

test("everything that changes the image changes the fingerprint", () => {
  const others: FingerprintInput[] = [
    {
      ...base,
      files: new Map([
        ["kernel/a.ts", "onetwo"],
        ["kernel/b.ts", ""],
      ]),
    },
    { ...base, files: new Map([["kernel/a.ts", "one"]]) },
    { ...base, entries: [] },
    { ...base, workload: "kernel/b.ts" },
    { ...base, tasks: ["churn", "churn"] },
    { ...base, config: { ...base.config, marks: "true" } },
  ];
  const all = [base, ...others].map((input) => fingerprint(input, "1"));
  all.push(fingerprint(base, "2"));
  expect(new Set(all).size).toBe(all.length);
  expect(all[0]).toMatch(/^[0-9a-f]{64}$/);
});

test("the host's SHA-256 gives the same name", () => {
  expect(fingerprint(base, "1", createHash("sha256"))).toBe(fingerprint(base, "1"));
});
