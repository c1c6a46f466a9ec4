import { expect, test } from "vitest";
import type { HartlabSection } from "../../base/hartlab-section.ts";
import { formatProblem } from "../../base/result.ts";
import { encode } from "../../isa/index.ts";
import type { AsmFunction } from "../assembly.ts";
import type { IrUnit } from "../ir.ts";
import { readElf } from "./elf-reader.ts";
import type { ReadElf } from "./elf-reader.ts";
import { link } from "./index.ts";
import type { Image } from "./index.ts";
import { asmFunction, makeUnit } from "./assemble/test-unit.ts";

const START = {
  _start: { section: ".fw.text", text: "call helper\nj _start" },
  helper: { section: ".fw.text", text: "ret" },
};

function image(unit: IrUnit, functions: AsmFunction[] = []): Image {
  const result = link(unit, functions);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}

function read(unit: IrUnit, functions: AsmFunction[] = []): ReadElf {
  return readElf(image(unit, functions).elf);
}

function messages(unit: IrUnit, functions: AsmFunction[] = []): string[] {
  const result = link(unit, functions);
  return result.ok ? [] : result.problems.map((p) => p.message);
}

test("firmware in place, kernel at 0xc0000000 loaded at 0x80400000, zeroes take no room", () => {
  const elf = read(
    makeUnit({
      naked: {
        helper: START.helper,
        _start: START._start,
        head: { section: ".head.text", text: "nop" },
        body: { text: "ret" },
      },
      data: [
        { symbol: "fw_word", section: ".fw.data", bytes: new Uint8Array([1]) },
        { symbol: "fw_stack", section: ".fw.bss", size: 100 },
        { symbol: "constant", section: ".rodata", bytes: new Uint8Array([2]) },
        { symbol: "task", section: ".tasks", size: 8, bytes: new Uint8Array(8) },
        { symbol: "word", bytes: new Uint8Array([3, 0, 0, 0]) },
        { symbol: "page", size: 4096, section: ".bss" },
        { symbol: "template", section: ".data..percpu", size: 12 },
        { symbol: "zero", section: ".bss", size: 6000 },
      ],
    }),
  );
  expect(elf.entry).toBe(0x80000000);
  expect(elf.symbol("_start").address).toBe(0x80000000);
  expect(
    elf.segments.map((s) => [
      s.vaddr.toString(16),
      s.paddr.toString(16),
      String(s.memorySize > s.fileSize),
      String(s.flags),
    ]),
  ).toEqual([
    ["80000000", "80000000", "false", "5"],
    ["80000020", "80000020", "true", "6"],
    ["c0000000", "80400000", "false", "5"],
    ["c0001000", "80401000", "false", "4"],
    ["c0003000", "80403000", "true", "6"],
  ]);
  for (const s of elf.segments) expect((s.offset - s.vaddr) & 4095).toBe(0);
  const at = (name: string): string => elf.symbol(name).address.toString(16);
  expect(
    [
      "_stext",
      "_etext",
      "__start_rodata",
      "__tasks_start",
      "__tasks_stop",
      "_sdata",
      "__per_cpu_start",
    ].map(at),
  ).toEqual(["c0000000", "c0000014", "c0001000", "c0002000", "c0002008", "c0003000", "c0004000"]);
  expect(elf.symbol("page").address & 4095).toBe(0);
  expect(elf.symbol("_end").address & 4095).toBe(0);
  expect(elf.symbol("__bss_start").address).toBe(0xc0005000);
});

test("same input, same bytes", () => {
  const make = (): Uint8Array => image(makeUnit({ naked: START, data: [{ symbol: "x" }] })).elf;
  expect(make()).toEqual(make());
});

test("relocations: absolute, relative, per CPU, data", () => {
  const loc = 0;
  const elf = read(
    makeUnit({
      naked: START,
      data: [
        {
          symbol: "word",
          bytes: new Uint8Array(8),
          relocations: [{ offset: 4, symbol: "f", addend: 2 }],
        },
        { symbol: "big", section: ".data..percpu", size: 3000 },
        { symbol: "small", section: ".data..percpu", size: 4 },
      ],
    }),
    [
      asmFunction("f", [
        { kind: "la", rd: 10, symbol: "word", addend: 4, loc },
        {
          kind: "insn",
          mnemonic: "lw",
          rd: 11,
          rs1: 4,
          imm: { part: "percpu", symbol: "small", addend: 0 },
          loc,
        },
        {
          kind: "insn",
          mnemonic: "lw",
          rd: 11,
          rs1: 4,
          imm: { part: "percpu", symbol: "big", addend: 2900 },
          loc,
        },
        {
          kind: "insn",
          mnemonic: "lui",
          rd: 5,
          imm: { part: "hi", symbol: "word", addend: 0 },
          loc,
        },
        {
          kind: "insn",
          mnemonic: "sw",
          rs1: 5,
          rs2: 6,
          imm: { part: "lo", symbol: "word", addend: 4 },
          loc,
        },
        { kind: "call", symbol: "_start", loc },
        { kind: "text", text: "csrr a0, time\n1: bnez a0, 1b", loc },
      ]),
    ],
  );
  const f = elf.symbol("f").address;
  const word = elf.symbol("word").address;
  expect(elf.word(word + 4)).toBe(f + 2);
  const expected = [
    encode("lui", { rd: 10, imm: 0xc0001000 }),
    encode("addi", { rd: 10, rs1: 10, imm: 4 }),
    encode("lw", { rd: 11, rs1: 4, imm: 0 }),
    encode("lui", { rd: 11, imm: 0x1000 }),
    encode("add", { rd: 11, rs1: 11, rs2: 4 }),
    encode("lw", { rd: 11, rs1: 11, imm: 2904 - 4096 }),
    encode("lui", { rd: 5, imm: 0xc0001000 }),
    encode("sw", { rs1: 5, rs2: 6, imm: 4 }),
    encode("auipc", { rd: 1, imm: 0xc0000000 }),
    encode("jalr", { rd: 1, rs1: 1, imm: -32 }),
    encode("csrrs", { rd: 10, csr: 0xc01 }),
    encode("bne", { rs1: 10, imm: 0 }),
  ];
  expect(expected.map((_, i) => elf.word(f + 4 * i))).toEqual(expected);
});

test("kallsyms: kernel functions by address with names and sizes, only when something asks", () => {
  const naked = {
    ...START,
    head: { section: ".head.text", text: "nop" },
    later: { text: "nop\nret" },
    middle: { section: ".init.text", text: "la a0, kallsyms_num" },
  };
  const elf = read(makeUnit({ naked }));
  const table = (name: string, i: number): number => elf.word(elf.symbol(name).address + 4 * i);
  const text = (address: number): string => {
    let s = "";
    for (let at = address; ; at++) {
      const byte = (elf.word((at & ~3) >>> 0) >>> (8 * (at & 3))) & 255;
      if (byte === 0) return s;
      s += String.fromCharCode(byte);
    }
  };
  expect(table("kallsyms_num", 0)).toBe(3);
  expect(
    [0, 1, 2].map((i) => [
      table("kallsyms_addresses", i),
      table("kallsyms_sizes", i),
      text(table("kallsyms_names", i) >>> 0),
    ]),
  ).toEqual(
    [
      ["head", 4],
      ["middle", 8],
      ["later", 8],
    ].map(([name, size]) => [elf.symbol(String(name)).address, size, name]),
  );
  expect(read(makeUnit({ naked: START })).symbols.map((s) => s.name)).not.toContain("kallsyms_num");
});

test("problems name the symbol and the place", () => {
  const locations = [
    { file: "", line: 0, column: 0, functionName: "", inlinedAt: 0 },
    { file: "kernel/a.ts", line: 7, column: 3, functionName: "f", inlinedAt: 0 },
  ];
  const calls = asmFunction("f", [{ kind: "call", symbol: "missing", loc: 1 }]);
  const result = link(makeUnit({ naked: START, locations }), [calls]);
  expect(result.ok ? [] : result.problems.map(formatProblem)).toEqual([
    'kernel/a.ts:7:3: undefined symbol "missing"',
  ]);
  expect(messages(makeUnit({}))).toEqual([
    'there is no function "_start", where every hart begins',
  ]);
  expect(
    messages(makeUnit({ naked: { ...START, f: { text: "nop" } } }), [asmFunction("f", [])]),
  ).toEqual(['the symbol "f" is defined twice']);
  expect(messages(makeUnit({ naked: { ...START, f: { text: "nop", section: ".data" } } }))).toEqual(
    ['there is no section ".data" for the function "f"'],
  );
  expect(
    messages(
      makeUnit({ naked: START, data: [{ symbol: "huge", section: ".fw.bss", size: 0x400000 }] }),
    )[0],
  ).toMatch(/^the firmware ends at 0x80401000, beyond the kernel's start$/);
  expect(
    messages(
      makeUnit({
        naked: START,
        data: [{ symbol: "b", section: ".bss", bytes: new Uint8Array([1]) }],
      }),
    ),
  ).toEqual(['"b" has contents, but .bss holds zeroes only']);
  expect(messages(makeUnit({ naked: { ...START, f: { text: "j _start" } } }))).toEqual([
    'the operand -1073741824 of "jal" to "_start" is out of range',
  ]);
});

test(".hartlab: functions, statics, per-CPU offsets, lines with inlined calls", () => {
  const at = (file: string, line: number, functionName: string, inlinedAt = 0) => ({
    file,
    line,
    column: 1,
    functionName,
    inlinedAt,
  });
  const locations = [
    at("", 0, ""),
    at("kernel/a.ts", 10, "outer"),
    at("kernel/a.ts", 12, "outer"),
    at("kernel/b.ts", 3, "middle", 2),
    at("kernel/b.ts", 8, "inner", 3),
  ];
  const nop = (loc: number) =>
    ({ kind: "insn", mnemonic: "addi", rd: 0, rs1: 0, imm: 0, loc }) as const;
  const unit = makeUnit({
    naked: START,
    locations,
    data: [
      { symbol: "lock", type: "spinlock_t" },
      { symbol: "pc", section: ".data..percpu" },
      { symbol: ".str0", section: ".rodata" },
    ],
  });
  const built = image(unit, [
    asmFunction("outer", [nop(2), nop(4), nop(4), nop(0), nop(3), nop(2)], { loc: 1 }),
  ]);
  const section = JSON.parse(
    new TextDecoder().decode(readElf(built.elf).section(".hartlab").bytes),
  ) as HartlabSection;
  const outer = section.functions.find((f) => f.name === "outer");
  expect(outer).toEqual({ name: "outer", address: 0xc0000000, size: 24, leaf: true, file: 0, line: 10 });
  expect(section.lines.filter((row) => row[0] >= 0xc0000000)).toEqual([
    [0xc0000000, 0, 12, []],
    [
      0xc0000004,
      1,
      8,
      [
        ["inner", 1, 3],
        ["middle", 0, 12],
      ],
    ],
    [0xc0000010, 1, 3, [["middle", 0, 12]]],
    [0xc0000014, 0, 12, []],
  ]);
  expect(section.statics).toEqual([
    { name: "lock", address: 0xc0002000, size: 4, type: "spinlock_t" },
  ]);
  expect(section.percpu).toEqual([{ name: "pc", address: 0, size: 4, type: "u32" }]);
  const listing = built.listing(
    new Map([["kernel/a.ts", `${"\n".repeat(11)}  call_something();`]]),
  );
  expect(listing.asm.slice(listing.asm.indexOf("c0000000"))).toMatchInlineSnapshot(`
    "c0000000 <outer>: (24 bytes)
    ; kernel/a.ts:12  call_something();
    c0000000:  00000013  addi zero,zero,0
    ; kernel/b.ts:8 [inlined: inner at kernel/b.ts:3, middle at kernel/a.ts:12]
    c0000004:  00000013  addi zero,zero,0
    c0000008:  00000013  addi zero,zero,0
    c000000c:  00000013  addi zero,zero,0
    ; kernel/b.ts:3 [inlined: middle at kernel/a.ts:12]
    c0000010:  00000013  addi zero,zero,0
    ; kernel/a.ts:12  call_something();
    c0000014:  00000013  addi zero,zero,0
    "
  `);
  expect(listing.lines.split("\n").slice(-5)).toMatchInlineSnapshot(`
    [
      "c0000000 kernel/a.ts:12",
      "c0000004 kernel/b.ts:8 inner@kernel/b.ts:3 middle@kernel/a.ts:12",
      "c0000010 kernel/b.ts:3 middle@kernel/a.ts:12",
      "c0000014 kernel/a.ts:12",
      "",
    ]
  `);
  expect(listing.sym).toContain("c0000000     18 function .text          outer\n");
});
