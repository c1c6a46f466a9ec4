/**
 * `using x = …`: the scope that declares x calls x[Symbol.dispose]() when it is left, on every path, last declared first.
 *
 *   { using _guard = guard_irqsave(lock); if (a) return b; c(); }
 *     ->  { const _guard = …; if (a) { const r = b; dispose(_guard); return r; } c(); dispose(_guard); }
 *
 * The body of a for..of stands inside the generator at its `yield`: leaving the loop leaves the generator's scopes too.
 * Paths that never return (panic) release nothing.
 */
import type TS from "typescript";
import { disposeMethod, invokeMethod } from "../../call/calls.ts";
import type { Loop, Lowering, Scope } from "../lowering.ts";
import type { Variable } from "../operand.ts";
import { loadPlace, variablePlace } from "../places.ts";
import { typeName } from "../../types/types.ts";

/** Registers a variable, declared by `node`, for release at the end of `scope`. */
export function releaseAtEnd(f: Lowering, scope: Scope, variable: Variable, node: TS.Node): void {
  const method = disposeMethod(variable.type);
  if (!method) f.diagnostics.fail(node, "K117", typeName(variable.type));
  scope.cleanups.push((at) => {
    f.at(node, at);
    const self = variable.constant ?? loadPlace(f, variablePlace(f, variable));
    invokeMethod(f, node, { fn: method, self }, at);
  });
}

/** Calls what `scope` itself has to release. */
export function release(f: Lowering, scope: Scope): void {
  for (let i = scope.cleanups.length - 1; i >= 0; i--) if (!f.b.dead) scope.cleanups[i]!(scope);
}

/** Leaves all scopes of the activation: `return`. */
export function releaseActivation(f: Lowering, from: Scope): void {
  for (let scope: Scope | null = from; scope; scope = scope.up) {
    release(f, scope);
    if (scope.yieldedFrom) releaseActivation(f, scope.yieldedFrom);
  }
}

/** Leaves the scopes inside a loop or switch; `continue` stays inside the generator that yielded to the loop. */
export function releaseLoop(f: Lowering, from: Scope, loop: Loop, isContinue: boolean): void {
  for (let scope: Scope | null = from; scope && isInside(scope, loop); scope = scope.up) {
    release(f, scope);
    if (scope.yieldedFrom && !(isContinue && scope.loop === loop))
      releaseActivation(f, scope.yieldedFrom);
  }
}

function isInside(scope: Scope, loop: Loop): boolean {
  for (let l = scope.loop; l; l = l.up) if (l === loop) return true;
  return false;
}
