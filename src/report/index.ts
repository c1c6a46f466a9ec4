/** A run as plain text, without colours. */
export { conditions } from "./conditions.ts";
export { report } from "./report.ts";
export { verdictLine } from "./verdict.ts";
