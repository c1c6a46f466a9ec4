/**
 * Contracts that a function's doc comment states, and that the compiler holds its callers to:
 *
 *   @must_use         the result tells whether it worked (get_object): a call that drops it is an error
 *   @may_sleep        may give up the CPU
 *   @may_sleep_if FLAGS MASK   may do so when the constant that is passed for FLAGS has a bit of the constant MASK (kmalloc and
 *                     __GFP_WAIT); flags that are not constant are the caller's to answer for, with a tag of its own
 *   @atomic           runs where nothing may sleep (interrupt and softirq handlers, timers): reaching a @may_sleep function
 *                     by direct calls is an error; calls through pointers are not followed
 *   @calls_atomic FN  the function that is passed for the parameter FN will be called where nothing may sleep (timer_setup,
 *                     call_rcu): what it reaches is held to @atomic
 *   @restores FLAGS   undoes what the parameter FLAGS was saved for (local_irq_restore): doing so twice with one value is an error
 */
import type TS from "typescript";

export interface Tags {
  readonly mustUse: boolean;
  readonly maySleep: boolean;
  readonly atomic: boolean;
  /** Index of the parameter with flags, and the name of the constant; null when there is none. */
  readonly maySleepIf: { readonly parameter: number; readonly mask: string } | null;
  /** Index of the parameter that will be called in atomic context, or -1. */
  readonly callsAtomic: number;
  /** Index of the parameter that must not be passed twice, or -1. */
  readonly restores: number;
  /** A parameter that a tag names and that is not there, or null. */
  readonly unknown: string | null;
}

const NONE: Tags = { mustUse: false, maySleep: false, atomic: false, maySleepIf: null, callsAtomic: -1, restores: -1, unknown: null };
const TAG = /@(must_use|may_sleep|may_sleep_if|atomic|calls_atomic|restores)\b/;

export function tagsOf(
  node: TS.FunctionDeclaration | TS.MethodDeclaration,
  source: TS.SourceFile,
): Tags {
  const text = source.text.slice(node.pos, node.getStart(source));
  if (!TAG.test(text)) return NONE;
  const comment = text.slice(Math.max(0, text.lastIndexOf("/**")));
  let unknown: string | null = null;
  const indexOf = (name: string | undefined): number => {
    const index = node.parameters.findIndex((p) => p.name.getText(source) === name);
    if (index < 0 && name !== undefined) unknown = name;
    return index;
  };
  const [, flags, mask] = /@may_sleep_if\s+(\w+)\s+(\w+)/.exec(comment) ?? [];
  const maySleepIf = mask === undefined ? null : { parameter: indexOf(flags), mask };
  const callsAtomic = indexOf(/@calls_atomic\s+(\w+)/.exec(comment)?.[1]);
  const restores = indexOf(/@restores\s+(\w+)/.exec(comment)?.[1]);
  return {
    mustUse: /@must_use\b/.test(comment),
    maySleep: /@may_sleep\b/.test(comment),
    atomic: /@atomic\b/.test(comment),
    maySleepIf,
    callsAtomic,
    restores,
    unknown,
  };
}
