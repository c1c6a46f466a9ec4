/** Problems of the linker, each placed by its origin. */
import type { Place, Problem } from "../../../base/result.ts";
import type { Location } from "../../ir.ts";
import type { Origin, ProblemSink } from "./piece.ts";

/** More than this many are not worth reading; the rest is counted. */
const PROBLEMS_MAX = 50;

export class Problems implements ProblemSink {
  private readonly locations: readonly Location[];
  private readonly list: Problem[] = [];
  private dropped = 0;

  constructor(locations: readonly Location[]) {
    this.locations = locations;
  }

  get count(): number {
    return this.list.length;
  }

  add(message: string, origin: Origin | null, hint?: string): void {
    if (this.list.length >= PROBLEMS_MAX) {
      this.dropped++;
      return;
    }
    const place = origin && this.placeOf(origin);
    this.list.push({
      message,
      ...(place ? { place } : {}),
      ...(hint === undefined ? {} : { hint }),
    });
  }

  get problems(): readonly Problem[] {
    if (this.dropped === 0) return this.list;
    return [...this.list, { message: `and ${this.dropped} more problems` }];
  }

  private placeOf(origin: Origin): Place | null {
    const location = this.locations[origin.loc];
    if (origin.loc === 0 || !location) return null;
    const { file, line, column } = location;
    if (origin.text === null) return { file, line: line + origin.lineOffset, column };
    const indent = origin.text.length - origin.text.trimStart().length;
    return { file, line: line + origin.lineOffset, column: indent + 1, text: origin.text };
  }
}
