/** What the page's script gets to draw a flame graph from: nodes in the order of a walk, parents before children. */
export interface FlameData {
  /** `cycles` or `instructions`. */
  readonly unit: string;
  readonly names: readonly string[];
  /** Four numbers a node: index of its parent, name, value with all below it, value of its own. The root's parent is -1. */
  readonly nodes: readonly number[];
}
