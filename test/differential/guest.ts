/**
 * Pieces of M-mode guests that try something many times and send a few bytes each time (s10 holds
 * the UART).
 */
import { CSR } from "../../src/isa/index.ts";
import { Assembler } from "../../src/machine/test-assembler.ts";
import { elfFile } from "../../src/machine/test-elf.ts";

export const UART = 0x1000_0000;

export class Guest extends Assembler {
  private sends = 0;

  /** Opens all memory to all modes, sets the M-mode handler and the UART's register. */
  begin(handler: string): this {
    this.write("pmpaddr0", -1).write("pmpcfg0", 0x1f);
    this.la("t0", handler).csr("csrrw", "zero", CSR["mtvec"]!, "t0");
    this.li("s10", UART);
    return this;
  }

  /** csr = value, through t0. */
  write(csr: string, value: number): this {
    this.li("t0", value).csr("csrrw", "zero", CSR[csr]!, "t0");
    return this;
  }

  /** csr = register. */
  move(csr: string, register: string): this {
    this.csr("csrrw", "zero", CSR[csr]!, register);
    return this;
  }

  /** register = csr. */
  read(register: string, csr: string): this {
    this.csr("csrrs", register, CSR[csr]!, "zero");
    return this;
  }

  /** Sends the low byte of a register; uses t0. */
  send(register: string): this {
    const label = `send${this.sends++}`;
    this.label(label).load("lbu", "t0", "s10", 5).op("andi", "t0", "t0", 0x20);
    this.branch("beq", "t0", "zero", label).store("sb", register, "s10");
    return this;
  }

  /** Closes a loop over 0..count-1 in a register. */
  next(register: string, count: number, label: string): this {
    this.op("addi", register, register, 1).li("t0", count);
    this.branch("bgeu", register, "t0", `${label}End`).jal("zero", label).label(`${label}End`);
    return this;
  }

  powerOff(): this {
    this.li("t0", 0x10_0000).li("t1", 0x5555).store("sw", "t1", "t0");
    return this.emit("jal", { rd: 0, imm: 0 });
  }

  elf(): Uint8Array {
    return elfFile({ segments: [{ physical: this.base, bytes: this.bytes() }] });
  }
}
