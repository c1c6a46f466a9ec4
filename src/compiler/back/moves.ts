/**
 * Puts parallel moves into an order that reads every source before its place is overwritten.
 *
 *   before: (a0 = a1, a1 = a0, a2 = 7)      after: t6 = a0; a0 = a1; a1 = t6; a2 = 7
 *
 * Order: outgoing words (nobody reads them), then the graph of registers and spill slots, leaves first and cycles broken
 * through a scratch place, then constants (they read nothing).
 */
import type { MoveSource } from "./machine.ts";

/** Machine register, or -1 - spill slot. */
export type Place = number;

export type PlacedSource = Exclude<MoveSource, number> | Place;
export type PlacedTarget = Place | { readonly kind: "outgoing"; readonly word: number };

export interface PlacedMove {
  readonly to: PlacedTarget;
  readonly from: PlacedSource;
}

/** `scratchRegister` breaks cycles of registers, `scratchSlot` those that touch memory (and then must exist). */
export function orderMoves(
  moves: readonly PlacedMove[], scratchRegister: Place, scratchSlot: Place,
): PlacedMove[] {
  const out: PlacedMove[] = [];
  const late: PlacedMove[] = [];
  let graph: { to: Place; from: Place }[] = [];
  for (const move of moves) {
    const { to, from } = move;
    if (typeof to !== "number") out.push(move);
    else if (typeof from !== "number") late.push(move);
    else if (to !== from) graph.push({ to, from });
  }
  while (graph.length > 0) {
    const ready = graph.findIndex(({ to }) => !graph.some(({ from }) => from === to));
    if (ready >= 0) {
      out.push(graph[ready]);
      graph.splice(ready, 1);
      continue;
    }
    const memory = graph.some(({ to, from }) => to < 0 || from < 0);
    const scratch = memory ? scratchSlot : scratchRegister;
    const broken = graph[0].to;
    out.push({ to: scratch, from: broken });
    graph = graph.map(({ to, from }) => ({ to, from: from === broken ? scratch : from }));
  }
  return [...out, ...late];
}
