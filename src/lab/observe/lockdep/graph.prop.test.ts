import fc from "fast-check";
import { expect, test } from "vitest";
import { DependencyGraph, EXCLUSIVE, RECURSIVE, SHARED } from "./graph.ts";
import { NO_STACK } from "../moment.ts";

const CLASSES = 5;
const form = fc.constantFrom(EXCLUSIVE, SHARED, RECURSIVE);
const dependency = fc.record({
  from: fc.nat(CLASSES - 1),
  to: fc.nat(CLASSES - 1),
  prev: form,
  next: form,
});

/** Whether some walk of known dependencies leads from one hold to another without a reader that lets a reader pass. */
function reachable(
  known: readonly { from: number; to: number; prev: number; next: number }[],
  start: number,
  read: number,
  end: number,
): boolean {
  const seen = new Set<string>();
  const visit = (cls: number, taken: number): boolean => {
    if (cls === end) return true;
    const here = `${cls} ${taken}`;
    if (seen.has(here)) return false;
    seen.add(here);
    return known.some(
      (one) =>
        one.from === cls &&
        !(taken === RECURSIVE && one.prev !== EXCLUSIVE) &&
        visit(one.to, one.next),
    );
  };
  return visit(start, read);
}

test("a path is found just when a walk along single dependencies finds one, in both directions", () => {
  fc.assert(
    fc.property(
      fc.array(dependency, { maxLength: 12 }),
      fc.nat(CLASSES - 1),
      fc.nat(CLASSES - 1),
      form,
      (known, a, b, read) => {
        const graph = new DependencyGraph();
        for (const { from, to, prev, next } of known) {
          if (from !== to) graph.add(from, to, prev, next, NO_STACK);
        }
        const edges = known.filter(({ from, to }) => from !== to);
        const path = graph.pathFrom(a, read, (cls) => cls === b);
        expect(path !== null).toBe(reachable(edges, a, read, b));
        if (path !== null && path.length > 0) {
          expect([path[0].from, path.at(-1)?.to]).toEqual([a, b]);
          path.slice(1).forEach((edge, i) => expect(edge.from).toBe(path[i].to));
        }
        // Backwards from an exclusive hold, and forwards to it from an exclusive want, are the same question.
        const back = graph.pathTo(b, EXCLUSIVE, (cls) => cls === a);
        expect(back !== null).toBe(reachable(edges, a, EXCLUSIVE, b));
      },
    ),
    { numRuns: 2000 },
  );
});
