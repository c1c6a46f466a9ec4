/** Small programs that boot.test.ts runs, as bytes: assembled here, so that the test needs no cross compiler. */
import { Assembler } from "../../src/machine/test-assembler.ts";
import { elfFile } from "../../src/machine/test-elf.ts";

const RAM = 0x8000_0000;
const UART = 0x1000_0000;
const FINISHER = 0x10_0000;
const TOHOST = RAM + 0x1000;

function executable(code: Assembler, physical = RAM, symbols: [string, number][] = []): Uint8Array {
  return elfFile({
    segments: [{ physical, bytes: code.bytes() }],
    symbols: symbols.map(([name, address]) => ({ name, address, size: 0, type: 0 })),
  });
}

function withHost(code: Assembler): Uint8Array {
  while (code.here < TOHOST) code.word(0);
  code.space(32);
  return executable(code, RAM, [["tohost", TOHOST], ["fromhost", TOHOST + 8]]);
}

/** Writes a value to tohost for ever, as riscv-tests do. */
export function tohost(value: number): Uint8Array {
  const code = new Assembler().li("gp", value).li("t0", TOHOST);
  return withHost(code.label("again").store("sw", "gp", "t0").jal("zero", "again"));
}

/** Prints "hi" through a system call and "!" as a character, then passes. */
export function hostOutput(): Uint8Array {
  const code = new Assembler();
  const wait = (name: string): void => {
    code.label(name).load("lw", "t1", "t0", 8).load("lw", "t2", "t0", 12).op("or", "t1", "t1", "t2");
    code.branch("beq", "t1", "zero", name).store("sw", "zero", "t0", 8).store("sw", "zero", "t0", 12);
  };
  code.li("t0", TOHOST).la("a0", "call").store("sw", "a0", "t0");
  wait("first");
  code.li("t1", 0x21).store("sw", "t1", "t0").li("t1", 0x0101_0000).store("sw", "t1", "t0", 4);
  wait("second");
  code.li("t1", 1).label("end").store("sw", "t1", "t0").jal("zero", "end").align(8);
  code.label("call").word(64, 0, 1, 0).label("text");
  const text = code.here + 16 + 16;
  code.word(text, 0, 2, 0, 0, 0, 0, 0).word(0x6968);
  return withHost(code);
}

/** Ends the machine through the finisher. */
export function finisher(value: number): Uint8Array {
  const code = new Assembler().li("t0", FINISHER).li("t1", value).store("sw", "t1", "t0");
  return executable(code.label("wait").jal("zero", "wait"));
}

/** Sleeps for ever. */
export function sleeper(): Uint8Array {
  return executable(new Assembler().label("again").emit("wfi").jal("zero", "again"));
}

/** Works for ever. */
export function spinner(): Uint8Array {
  return executable(new Assembler().label("again").jal("zero", "again"), RAM, [["spin", RAM], ["$x", RAM], ["$xrv32i2p1", RAM]]);
}

/** Jumps to where nothing is, with no trap handler. */
export function lost(): Uint8Array {
  return executable(new Assembler().emit("jalr", { rd: 0, rs1: 0, imm: 0 }));
}

/** A flat machine-mode program: prints `?`, echoes what it receives up to a line feed or `q`, and powers off. */
export function echo(): Uint8Array {
  const code = new Assembler().li("s0", UART).li("t1", 0x3f).store("sb", "t1", "s0");
  code.label("poll").load("lbu", "t0", "s0", 5).op("andi", "t0", "t0", 1).branch("beq", "t0", "zero", "poll");
  code.load("lbu", "t1", "s0").store("sb", "t1", "s0");
  code.li("t2", 10).branch("beq", "t1", "t2", "end").li("t2", 0x71).branch("bne", "t1", "t2", "poll");
  code.label("end").li("t0", FINISHER).li("t1", 0x5555).store("sw", "t1", "t0");
  return code.label("wait").jal("zero", "wait").bytes();
}

/** Prints `x` for ever. */
export function chatter(): Uint8Array {
  const code = new Assembler().li("t0", UART).li("t1", 0x78).label("again").store("sb", "t1", "t0");
  return code.jal("zero", "again").bytes();
}

/** A flat supervisor program: prints `S` and its hart id by SBI, and powers off by SBI. */
export function supervisor(base = 0x8040_0000): Assembler {
  const code = new Assembler(base).op("addi", "s1", "a0", 0);
  code.li("a0", 0x53).li("a7", 1).emit("ecall").op("addi", "a0", "s1", 0x30).emit("ecall");
  code.li("a0", 0).li("a1", 0).li("a6", 0).li("a7", 0x5352_5354).emit("ecall");
  return code.label("wait").jal("zero", "wait");
}

/** The same as an executable that starts where it is linked, not at the usual place. */
export function supervisorElf(base: number): Uint8Array {
  const elf = executable(supervisor(base), base);
  new DataView(elf.buffer).setUint32(24, base, true);
  return elf;
}
