/** The flame graph: boxes from the callers at the top downwards, as wide as what they cost; a click or Enter makes one the whole width. */
import type { FlameData } from "../flame/data.ts";
import { guestTime } from "../numbers.ts";
import { grouped } from "../../text.ts";

const ROW = 18;
const WIDTH_MIN = 1;
const TEXT_WIDTH_MIN = 24;
const COLOURS = 7;

export class FlameView {
  readonly #data: FlameData;
  readonly #box: HTMLElement;
  readonly #detail: HTMLElement;
  readonly #range: HTMLElement;
  readonly #children: number[][] = [];
  #top = 0;
  #wanted = "";

  constructor(root: HTMLElement, data: FlameData) {
    this.#data = data;
    this.#box = root.querySelector<HTMLElement>(".flame-box")!;
    this.#detail = root.querySelector<HTMLElement>(".detail")!;
    this.#range = root.querySelector<HTMLElement>(".range")!;
    for (let node = 0; node * 4 < data.nodes.length; node++) {
      this.#children.push([]);
      const parent = data.nodes[node * 4]!;
      if (parent >= 0) this.#children[parent]!.push(node);
    }
    root.hidden = false;
    root.querySelector("button[data-do=all]")?.addEventListener("click", () => this.#show(0));
    root.querySelector<HTMLInputElement>("input[data-do=find]")?.addEventListener("input", (event) => {
      this.#wanted = (event.target as HTMLInputElement).value.trim().toLowerCase();
      this.#draw();
    });
    const nodeOf = ({ target }: Event): number | null => (target instanceof HTMLElement && target.dataset["node"] !== undefined ? Number(target.dataset["node"]) : null);
    this.#box.addEventListener("click", (event) => {
      const node = nodeOf(event);
      if (node !== null) this.#show(node);
    });
    for (const kind of ["pointerover", "focusin"])
      this.#box.addEventListener(kind, (event) => {
        const node = nodeOf(event);
        if (node !== null) this.#detail.textContent = this.#describe(node);
      });
    new ResizeObserver(() => this.#draw()).observe(this.#box);
  }

  #name(node: number): string {
    return this.#data.names[this.#data.nodes[node * 4 + 1]!]!;
  }

  #total(node: number): number {
    return this.#data.nodes[node * 4 + 2]!;
  }

  #figure(value: number): string {
    return this.#data.unit === "cycles" ? guestTime(value) : `${grouped(value)} ${this.#data.unit}`;
  }

  #describe(node: number): string {
    const own = this.#data.nodes[node * 4 + 3]!;
    const share = ((100 * this.#total(node)) / Math.max(1, this.#total(0))).toFixed(2);
    return `${this.#name(node)}: ${this.#figure(this.#total(node))}, ${share} % of all; ${this.#figure(own)} itself`;
  }

  #show(node: number): void {
    this.#top = node;
    this.#draw();
    this.#box.querySelector<HTMLElement>(`[data-node="${node}"]`)?.focus({ preventScroll: true });
  }

  #draw(): void {
    const width = this.#box.clientWidth;
    const boxes: HTMLElement[] = [];
    const path: number[] = [];
    for (let at = this.#top; at >= 0; at = this.#data.nodes[at * 4]!) path.unshift(at);
    path.forEach((node, depth) => boxes.push(this.#made(node, depth, 0, width, depth < path.length - 1)));
    let deepest = path.length;
    const below = (node: number, depth: number, left: number, scale: number): void => {
      let x = left;
      for (const next of this.#children[node]!) {
        const wide = this.#total(next) * scale;
        if (wide >= WIDTH_MIN) {
          boxes.push(this.#made(next, depth, x, wide, false));
          deepest = Math.max(deepest, depth + 1);
          below(next, depth + 1, x, scale);
        }
        x += wide;
      }
    };
    below(this.#top, path.length, 0, width / Math.max(1, this.#total(this.#top)));
    this.#box.replaceChildren(...boxes);
    this.#box.style.height = `${deepest * ROW + 1}px`;
    this.#box.dataset["top"] = this.#name(this.#top);
    this.#range.textContent = this.#wanted === "" ? "" : `${((100 * this.#found(0)) / Math.max(1, this.#total(0))).toFixed(1)} % in functions found`;
  }

  /** Of what is found, the outermost frames only, so that nothing counts twice. */
  #found(node: number): number {
    if (this.#matches(node)) return this.#total(node);
    return this.#children[node]!.reduce((sum, next) => sum + this.#found(next), 0);
  }

  #matches(node: number): boolean {
    return this.#wanted !== "" && this.#name(node).toLowerCase().includes(this.#wanted);
  }

  #made(node: number, depth: number, left: number, width: number, outer: boolean): HTMLElement {
    const box = document.createElement("button");
    box.type = "button";
    const faded = outer || (this.#wanted !== "" && !this.#matches(node));
    box.className = `k${colourOf(this.#name(node))}${faded ? " faded" : ""}`;
    box.dataset["node"] = String(node);
    box.style.left = `${left}px`;
    box.style.top = `${depth * ROW}px`;
    box.style.width = `${Math.max(1, width - 0.5)}px`;
    if (width >= TEXT_WIDTH_MIN) box.textContent = this.#name(node);
    box.setAttribute("aria-label", this.#describe(node));
    return box;
  }
}

/** The same name has the same colour everywhere. */
function colourOf(name: string): number {
  let sum = 0;
  for (let i = 0; i < name.length; i++) sum = (sum * 31 + name.charCodeAt(i)) >>> 0;
  return sum % COLOURS;
}
