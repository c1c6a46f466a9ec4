/** The instruction set as data: one table, and what is derived from it. */
export type { CostClass, Format, Instruction, Semantics } from "./instruction.ts";
export { fieldCsr, fieldImmediate, fieldRd, fieldRs1, fieldRs2 } from "./instruction.ts";
export { INSTRUCTIONS } from "./table.ts";
export { encode } from "./encode.ts";
export type { Operands } from "./encode.ts";
export { COMPRESSED, decodeCompressed, encodeCompressed, expand } from "./compressed.ts";
export type { Compressed } from "./compressed.ts";
export { decode, disassemble, lengthOf } from "./decode.ts";
export { CSR, REGISTER_NAMES } from "./registers.ts";
