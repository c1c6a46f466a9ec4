/** Assembly items as text for snapshots: ABI register names, one item a line. */
import type { AsmFunction, AsmItem, Immediate } from "../../assembly.ts";

const NAMES = (
  "zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6"
).split(" ");

export function printAssembly(fn: AsmFunction): string {
  return fn.items.map((item) => (item.kind === "label" ? `${item.label}:` : `  ${printItem(item)}`)).join("\n");
}

function immediate(imm: Immediate): string {
  return typeof imm === "number" ? String(imm) : `%${imm.part}(${imm.symbol}+${imm.addend})`;
}

function printItem(item: AsmItem): string {
  switch (item.kind) {
    case "label": return `${item.label}:`;
    case "branch": return `${item.mnemonic} ${NAMES[item.rs1]}, ${NAMES[item.rs2]}, ${item.label}`;
    case "jump": return `j ${item.label}`;
    case "call": return `call ${item.symbol}`;
    case "li": return `li ${NAMES[item.rd]}, ${item.value}`;
    case "la": return `la ${NAMES[item.rd]}, ${item.symbol}+${item.addend}`;
    case "text": return item.text;
    case "insn": {
      const operands = [item.rd, item.rs1, item.rs2].filter((r) => r !== undefined).map((r) => NAMES[r]);
      if (item.csr !== undefined) operands.push(`csr 0x${item.csr.toString(16)}`);
      if (item.imm !== undefined) operands.push(immediate(item.imm));
      return `${item.mnemonic} ${operands.join(", ")}`.trim();
    }
  }
}
