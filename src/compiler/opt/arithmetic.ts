/** Binary operations and conditions on constants, as RV32IM computes them. Operands and results are signed words (| 0). */
import type { BinaryOp, Condition } from "../ir.ts";

export function evaluateBinary(op: BinaryOp, a: number, b: number): number {
  switch (op) {
    case "add": return (a + b) | 0;
    case "sub": return (a - b) | 0;
    case "mul": return Math.imul(a, b);
    case "mulh": return Number((BigInt(a) * BigInt(b)) >> 32n) | 0;
    case "mulhu": return Number((BigInt(a >>> 0) * BigInt(b >>> 0)) >> 32n) | 0;
    case "mulhsu": return Number((BigInt(a) * BigInt(b >>> 0)) >> 32n) | 0;
    case "div": return b === 0 ? -1 : (a / b) | 0;
    case "divu": return b === 0 ? -1 : ((a >>> 0) / (b >>> 0)) | 0;
    case "rem": return b === 0 ? a : (a % b) | 0;
    case "remu": return b === 0 ? a : ((a >>> 0) % (b >>> 0)) | 0;
    case "and": return a & b;
    case "or": return a | b;
    case "xor": return a ^ b;
    case "sll": return a << (b & 31);
    case "srl": return (a >>> (b & 31)) | 0;
    case "sra": return a >> (b & 31);
    case "slt": return a < b ? 1 : 0;
    case "sltu": return a >>> 0 < b >>> 0 ? 1 : 0;
  }
}

export function evaluateCondition(condition: Condition, a: number, b: number): boolean {
  switch (condition) {
    case "eq": return a === b;
    case "ne": return a !== b;
    case "lt": return a < b;
    case "ge": return a >= b;
    case "ltu": return a >>> 0 < b >>> 0;
    case "geu": return a >>> 0 >= b >>> 0;
  }
}

/** x op y = y op x. */
export function isCommutative(op: BinaryOp): boolean {
  switch (op) {
    case "add": case "mul": case "mulh": case "mulhu": case "and": case "or": case "xor": return true;
    default: return false;
  }
}
