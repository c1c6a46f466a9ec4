/** The execution engine; contract.ts says what it promises and what it asks for. */
export { FLUSH, INTERRUPT_LATENCY, RUN } from "./contract.ts";
export type { Engine, EngineImports, EngineOptions } from "./contract.ts";
export { createEngine } from "./engine.ts";
