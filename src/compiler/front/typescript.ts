/**
 * The injected TypeScript module, used as a parser only.
 *
 * It is a live binding instead of a parameter of every function: there is one parser in a process, and `compileToIr`
 * sets it before anything else in `front/` runs.
 */
import type typescript from "typescript";

export type TypeScript = typeof typescript;

export let ts: TypeScript;

export function useTypeScript(module: TypeScript): void {
  ts = module;
}
