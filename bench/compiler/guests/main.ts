// The program that is built: bench/compiler/run.ts replaces this file; this one serves editors and tsc.

export { kernel_main } from "./crc.ts";
