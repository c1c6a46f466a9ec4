/** From a path inside a scenario (`machine.harts`, `tasks[2].run`) to its place in the YAML text. */
import { type Document, isMap, isPair, isScalar, isSeq, type LineCounter, type Node } from "yaml";
import type { Place } from "../../base/result.ts";

export type FieldPath = readonly (string | number)[];

/** `tasks[2].run` */
export function fieldName(path: FieldPath): string {
  let name = "";
  for (const step of path) {
    if (typeof step === "number") name += `[${step}]`;
    else name += name === "" ? step : `.${step}`;
  }
  return name;
}

export class ScenarioText {
  readonly file: string;
  /** The whole text of the file. */
  readonly text: string;
  readonly document: Document;
  readonly #lines: readonly string[];
  readonly #counter: LineCounter;

  constructor(file: string, text: string, document: Document, counter: LineCounter) {
    this.file = file;
    this.text = text;
    this.document = document;
    this.#lines = text.split(/\r?\n/);
    this.#counter = counter;
  }

  /** The place of a character offset. */
  at(offset: number): Place {
    const { line, col } = this.#counter.linePos(offset);
    const at = Math.max(1, line);
    return { file: this.file, line: at, column: Math.max(1, col), text: this.#lines[at - 1] ?? "" };
  }

  /** The place of the value at a path, or of the nearest enclosing thing that the file has. */
  value(path: FieldPath): Place {
    let node: unknown = this.document.contents;
    let offset = offsetOf(node) ?? 0;
    for (const step of path) {
      node = child(node, step);
      if (node === null) break;
      offset = offsetOf(node) ?? offset;
    }
    return this.at(offset);
  }

  /** The place of a key of the map at a path. */
  key(path: FieldPath, key: string): Place {
    let node: unknown = this.document.contents;
    for (const step of path) node = child(node, step);
    if (isMap(node)) {
      for (const pair of node.items) {
        if (isScalar(pair.key) && String(pair.key.value) === key) {
          return this.at(offsetOf(pair.key) ?? 0);
        }
      }
    }
    return this.value(path);
  }

  /** Whether the file itself says something at the path (and not a --set or a default). */
  has(path: FieldPath): boolean {
    let node: unknown = this.document.contents;
    for (const step of path) node = child(node, step);
    return node !== null;
  }
}

function child(node: unknown, step: string | number): unknown {
  if (isMap(node)) {
    const pair = node.items.find(
      (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(step),
    );
    return pair?.value ?? null;
  }
  if (isSeq(node) && typeof step === "number") return node.items[step] ?? null;
  return null;
}

function offsetOf(node: unknown): number | null {
  const range = (node as Node | null)?.range;
  return range ? range[0] : null;
}
