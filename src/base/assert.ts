/** Our own bugs: always on, never caught below `cli/main.ts`, which turns them into exit 70. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** Throws unless `condition` holds; `what` names the place and the rule: "clint: one wire a hart". */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new AssertionError(what);
}

/** Marks code that the types say cannot be reached. */
export function unreachable(what: string, value?: never): never {
  throw new AssertionError(`${what}: unreachable (${String(value)})`);
}
