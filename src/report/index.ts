/** A run as plain text, without colours. */
export { explain } from "./explain.ts";
export { conditions } from "./conditions.ts";
export { report } from "./report.ts";
export { verdictLine } from "./verdict.ts";
