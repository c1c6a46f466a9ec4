/**
 * Values for bad input (STYLE.md "Errors"): a sentence that names the thing, the place and the next step.
 * Nothing below `cli/` throws for bad input; it returns a `Result`.
 */

/** A place in a source text; lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The source line itself, when known, for the caret. */
  readonly text?: string;
}

/** One thing wrong with the input. */
export interface Problem {
  /** One sentence: what is wrong and with what. */
  readonly message: string;
  readonly place?: Place;
  /** The next step, one sentence. */
  readonly hint?: string;
}

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export function success<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function failure(...problems: Problem[]): Result<never> {
  return { ok: false, problems };
}

/** `file:line:column: message`, the source line with a caret, and the hint, as printed to stderr. */
export function formatProblem(problem: Problem): string {
  const { place, message, hint } = problem;
  const lines = [place ? `${place.file}:${place.line}:${place.column}: ${message}` : message];
  if (place?.text !== undefined) {
    const lead = place.text.slice(0, place.column - 1).replace(/[^\t]/g, " ");
    lines.push(`  ${place.text}`, `  ${lead}^`);
  }
  if (hint) lines.push(`  ${hint}`);
  return lines.join("\n");
}
