import fc from "fast-check";
import { expect, test } from "vitest";
import { readElf } from "./elf.ts";
import { elfFile } from "./test-elf.ts";

const GOOD = elfFile({
  segments: [
    { physical: 0x8000_0000, virtual: 0xc000_0000, bytes: Uint8Array.of(1, 2, 3), memorySize: 8 },
  ],
  sections: [{ name: ".hartlab", bytes: new TextEncoder().encode("{}") }],
  symbols: [{ name: "_start", address: 0x8000_0000, size: 12, type: 2 }],
});

function message(bytes: Uint8Array): string {
  const result = readElf(bytes);
  return result.ok ? "ok" : result.problems.map((problem) => problem.message).join("\n");
}

function patched(at: number, ...values: number[]): string {
  const bytes = GOOD.slice();
  bytes.set(values, at);
  return message(bytes);
}

test("segments, sections and symbols", () => {
  const image = readElf(GOOD);
  if (!image.ok) throw new Error(message(GOOD));
  const { segments, symbols } = image.value;
  expect(segments).toEqual([
    { physical: 0x8000_0000, virtual: 0xc000_0000, memorySize: 8, bytes: Uint8Array.of(1, 2, 3) },
  ]);
  expect(symbols).toEqual([
    { name: "_start", address: 0x8000_0000, size: 12, kind: "function", global: true },
  ]);
  expect(new TextDecoder().decode(image.value.section(".hartlab")!)).toBe("{}");
  expect(image.value.section(".none")).toBeNull();
});

test("what is wrong is said in a sentence", () => {
  const u32 = (value: number): number[] => [...new Uint8Array(Uint32Array.of(value).buffer)];
  const messages = [
    message(new Uint8Array(0)),
    message(new TextEncoder().encode("#!/bin/sh")),
    message(GOOD.subarray(0, 30)),
    patched(4, 2),
    patched(5, 2),
    patched(18, 62, 0),
    patched(16, 1, 0),
    patched(44, 0, 0),
    patched(44, 0xff, 0xff),
    patched(28, ...u32(0xffff_fff0)),
    patched(52 + 4, ...u32(0xffff_ffff)),
    patched(52 + 16, ...u32(9)),
    patched(32, ...u32(0x7fff_fff0)),
  ];
  expect(messages).toMatchInlineSnapshot(`
    [
      "the image is not an ELF file: it does not start with 7f 45 4c 46",
      "the image is not an ELF file: it does not start with 7f 45 4c 46",
      "the ELF file is truncated inside its header",
      "the ELF file is 64-bit; this machine is RV32",
      "the ELF file is not little-endian",
      "the ELF file is for another machine (e_machine 62, RISC-V is 243)",
      "the ELF file is not an executable (e_type 1)",
      "the ELF file has no program headers, so there is nothing to load",
      "the ELF file has 65535 program headers; the limit is 256",
      "the ELF file is truncated inside its program headers",
      "the ELF file is truncated: segment 0 ends at byte 4294967298 of 372",
      "segment 0 of the ELF file is larger in the file (9) than in memory (8)",
      "the ELF file is truncated inside its section headers",
    ]
  `);
});

test("no mutation and no cut makes the reader throw", () => {
  const mutation = fc.array(fc.tuple(fc.nat(GOOD.length - 1), fc.nat(255)), { maxLength: 12 });
  const property = fc.property(mutation, fc.nat(GOOD.length), (changes, length) => {
    const bytes = GOOD.slice();
    for (const [at, value] of changes) bytes[at] = value;
    const result = readElf(length % 3 === 0 ? bytes.subarray(0, length) : bytes);
    if (!result.ok) expect(result.problems[0]!.message).toMatch(/^[a-z]/);
  });
  fc.assert(property, { numRuns: 2000 });
});
