/**
 * Contracts that a function's doc comment states, and that the compiler holds its callers to:
 *
 *   @must_use         the result tells whether it worked (get_object): a call that drops it is an error
 *   @may_sleep        may give up the CPU
 *   @atomic           runs where nothing may sleep (interrupt and softirq handlers, timers): reaching a @may_sleep function
 *                     by direct calls is an error; calls through pointers are not followed
 *   @restores FLAGS   undoes what the parameter FLAGS was saved for (local_irq_restore): doing so twice with one value is an error
 */
import type TS from "typescript";

export interface Tags {
  readonly mustUse: boolean;
  readonly maySleep: boolean;
  readonly atomic: boolean;
  /** Index of the parameter that must not be passed twice, or -1. */
  readonly restores: number;
}

const NONE: Tags = { mustUse: false, maySleep: false, atomic: false, restores: -1 };
const TAG = /@(must_use|may_sleep|atomic|restores)\b/;

export function tagsOf(
  node: TS.FunctionDeclaration | TS.MethodDeclaration,
  source: TS.SourceFile,
): Tags {
  const text = source.text.slice(node.pos, node.getStart(source));
  if (!TAG.test(text)) return NONE;
  const comment = text.slice(Math.max(0, text.lastIndexOf("/**")));
  const restored = /@restores\s+(\w+)/.exec(comment)?.[1];
  return {
    mustUse: /@must_use\b/.test(comment),
    maySleep: /@may_sleep\b/.test(comment),
    atomic: /@atomic\b/.test(comment),
    restores: node.parameters.findIndex((p) => p.name.getText(source) === restored),
  };
}
