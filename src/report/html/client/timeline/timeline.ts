/**
 * The timeline: canvas, zoom and pan by mouse, touch, wheel (with Ctrl) and keys, details of what is pointed at, search.
 *
 * The element with the tracks says in data-from and data-to what is seen.
 */
import { guestTime } from "../../numbers.ts";
import type { TimelineData } from "../../timeline/data.ts";
import { AXIS_HEIGHT, drawAxis, drawRules, exactTime, markAt } from "./axis.ts";
import { type Area, drawTracks, type Palette, palette, type View } from "./draw.ts";
import { firstAfter, type LaneView, type Model, modelOf } from "./model.ts";

const LABELS_WIDE = 230;
const LABELS_NARROW = 96;
const SPAN_MIN = 40;
const REACH = 3;

export class TimelineView {
  readonly #box: HTMLElement;
  readonly #canvas: HTMLCanvasElement;
  readonly #axis: HTMLCanvasElement;
  readonly #detail: HTMLElement;
  readonly #range: HTMLElement;
  readonly #model: Model;
  readonly #view: View;
  #palette: Palette = palette();
  #due = false;

  constructor(root: HTMLElement, data: TimelineData) {
    this.#box = root.querySelector<HTMLElement>(".canvas-box")!;
    this.#canvas = this.#box.querySelector("canvas")!;
    this.#axis = document.createElement("canvas");
    this.#axis.className = "time-axis";
    this.#box.before(this.#axis);
    this.#detail = root.querySelector<HTMLElement>(".detail")!;
    this.#range = root.querySelector<HTMLElement>(".range")!;
    this.#model = modelOf(data);
    this.#view = { from: this.#model.from, to: this.#model.to, found: null, track: -1, chosen: null };
    root.hidden = false;
    this.#listen(root);
    new ResizeObserver(() => this.#redraw()).observe(this.#box);
    this.#draw();
  }

  /** Shows a stretch of the run. */
  show(from: number, to: number): void {
    const { from: first, to: last } = this.#model;
    const span = Math.min(last - first, Math.max(SPAN_MIN, to - from));
    const start = Math.min(Math.max(first, (from + to - span) / 2), last - span);
    this.#view.from = start;
    this.#view.to = start + span;
    this.#redraw();
  }

  zoom(factor: number, around = (this.#view.from + this.#view.to) / 2): void {
    const { from, to } = this.#view;
    const span = Math.max(SPAN_MIN, (to - from) / factor);
    const start = around - ((around - from) / (to - from)) * span;
    this.show(start, start + span);
  }

  pan(share: number): void {
    const { from, to } = this.#view;
    const by = (to - from) * share;
    this.show(from + by, to + by);
  }

  get #area(): Area {
    const all = this.#box.clientWidth;
    const left = all < 700 ? LABELS_NARROW : LABELS_WIDE;
    return { left, width: Math.max(50, Math.floor(all - left)) };
  }

  #clockAt(x: number): number {
    const { left, width } = this.#area;
    return this.#view.from + ((x - left) / width) * (this.#view.to - this.#view.from);
  }

  #redraw(): void {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#draw();
    });
  }

  #draw(): void {
    const { from, to } = this.#view;
    const area = this.#area;
    this.#palette = palette();
    const tracks = prepared(this.#canvas, area.left + area.width, this.#model.height);
    drawRules(tracks, this.#model, this.#view, area, this.#palette);
    drawTracks(tracks, this.#model, this.#view, area, this.#palette);
    const axis = prepared(this.#axis, area.left + area.width, AXIS_HEIGHT);
    drawAxis(axis, this.#model, this.#view, area, this.#palette);
    this.#box.dataset["from"] = String(from);
    this.#box.dataset["to"] = String(to);
    const span = to - from;
    this.#range.textContent = `${exactTime(from, span)} – ${exactTime(to, span)}  (${guestTime(span)} of ${guestTime(this.#model.to - this.#model.from)})`;
  }

  #listen(root: HTMLElement): void {
    for (const button of root.querySelectorAll<HTMLButtonElement>("button[data-do]"))
      button.addEventListener("click", () => this.#act(button.dataset["do"]!));
    root.querySelector<HTMLInputElement>("input[data-do=find]")?.addEventListener("input", (event) => this.#find((event.target as HTMLInputElement).value));
    this.#box.addEventListener("keydown", (event) => this.#key(event));
    this.#pointer();
    this.#axis.addEventListener("pointermove", ({ offsetX }) => this.#markDetail(offsetX, false));
    this.#axis.addEventListener("click", ({ offsetX }) => this.#markDetail(offsetX, true));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#redraw());
    const paper = (on: boolean): void => {
      document.documentElement.classList.toggle("paper", on);
      this.#draw();
    };
    addEventListener("beforeprint", () => paper(true));
    addEventListener("afterprint", () => paper(false));
  }

  #pointer(): void {
    const canvas = this.#canvas;
    let dragged: { x: number; from: number; to: number } | null = null;
    let moved = false;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      dragged = { x: event.offsetX, from: this.#view.from, to: this.#view.to };
      moved = false;
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => {
      if (dragged === null) {
        this.#point(offsetX, offsetY, false);
        return;
      }
      if (Math.abs(offsetX - dragged.x) > REACH) moved = true;
      if (!moved) return;
      const by = ((dragged.x - offsetX) / this.#area.width) * (dragged.to - dragged.from);
      this.show(dragged.from + by, dragged.to + by);
    });
    canvas.addEventListener("pointerup", ({ offsetX, offsetY }) => {
      if (dragged !== null && !moved) this.#point(offsetX, offsetY, true);
      dragged = null;
    });
    canvas.addEventListener("pointercancel", () => (dragged = null));
    canvas.addEventListener("dblclick", ({ offsetX }) => this.zoom(4, this.#clockAt(offsetX)));
    canvas.addEventListener(
      "wheel",
      (event) => {
        // Without a key the wheel scrolls the page.
        if (event.ctrlKey || event.metaKey) this.zoom(2 ** (-event.deltaY / 200), this.#clockAt(event.offsetX));
        else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.pan((event.deltaX || event.deltaY) / this.#area.width);
        else return;
        event.preventDefault();
      },
      { passive: false },
    );
  }

  #act(what: string): void {
    if (what === "in") this.zoom(2);
    else if (what === "out") this.zoom(0.5);
    else if (what === "left") this.pan(-0.25);
    else if (what === "right") this.pan(0.25);
    else this.show(this.#model.from, this.#model.to);
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    const acts: Readonly<Record<string, string>> = { "+": "in", "=": "in", "-": "out", "0": "all", ArrowLeft: "left", ArrowRight: "right", Home: "all", w: "in", s: "out", a: "left", d: "right" };
    if (key in acts) this.#act(acts[key]!);
    else if (key === "ArrowUp" || key === "ArrowDown") this.#chooseTrack(key === "ArrowUp" ? -1 : 1);
    else if (key === "," || key === ".") this.#step(key === "," ? -1 : 1);
    else return;
    event.preventDefault();
  }

  #chooseTrack(by: number): void {
    const { tracks } = this.#model;
    this.#view.track = Math.min(tracks.length - 1, Math.max(0, this.#view.track + by));
    this.#view.chosen = null;
    const track = tracks[this.#view.track];
    if (track === undefined) return;
    this.#detail.textContent = `${track.group}: ${track.name}`;
    if (track.top < this.#box.scrollTop || track.bottom > this.#box.scrollTop + this.#box.clientHeight) this.#box.scrollTop = track.top - 30;
    this.#redraw();
  }

  /** To the neighbour of what is chosen, or to the first that is seen. */
  #step(by: number): void {
    if (this.#view.track < 0) this.#chooseTrack(1);
    const track = this.#model.tracks[this.#view.track];
    const lane = this.#view.chosen?.lane ?? track?.lanes[0];
    if (lane === undefined || lane.starts.length === 0) return;
    const before = this.#view.chosen?.index;
    const index = before === undefined ? firstAfter(lane, this.#view.from) : before + by;
    if (index < 0 || index >= lane.starts.length) return;
    this.#view.chosen = { lane, index };
    this.#describe(lane, index, track!.name);
    const [start, end] = [lane.starts[index]!, lane.ends[index]!];
    if (start < this.#view.from || end > this.#view.to) {
      const span = Math.max(this.#view.to - this.#view.from, (end - start) * 1.2);
      this.show((start + end - span) / 2, (start + end + span) / 2);
    }
    this.#redraw();
  }

  #point(x: number, y: number, choose: boolean): void {
    const { tracks } = this.#model;
    const at = tracks.findIndex((one) => y >= one.top && y < one.bottom);
    if (choose) {
      this.#view.track = at;
      this.#view.chosen = null;
    }
    const track = tracks[at];
    const lane = track?.lanes.find((one) => y >= one.top - 1 && y < one.top + one.height + 1);
    if (track !== undefined && lane !== undefined && x >= this.#area.left) {
      const reach = (REACH / this.#area.width) * (this.#view.to - this.#view.from);
      const index = nearest(lane, this.#clockAt(x), reach);
      if (index !== null) {
        if (choose) this.#view.chosen = { lane, index };
        this.#describe(lane, index, track.name);
      } else if (this.#view.chosen === null) this.#detail.textContent = `${track.name}, ${exactTime(this.#clockAt(x), this.#view.to - this.#view.from)}`;
    } else if (track !== undefined && x < this.#area.left) this.#detail.textContent = `${track.group}: ${track.name}`;
    if (choose) this.#redraw();
  }

  #describe(lane: LaneView, index: number, track: string): void {
    const [start, end] = [lane.starts[index]!, lane.ends[index]!];
    const name = this.#model.names[lane.names[index]!]!;
    const count = lane.counts[index]!;
    const what = count === 1 ? name : `${count} short slices, busy for ${((100 * lane.busy[index]!) / (end - start)).toFixed(0)} % of the time, mostly ${name}`;
    this.#detail.textContent = `${track}: ${what}. ${exactTime(start, end - start)} to ${exactTime(end, end - start)}, ${guestTime(end - start)}`;
  }

  #markDetail(x: number, follow: boolean): void {
    const mark = markAt(this.#model, this.#view, this.#area, x);
    if (mark === null) return;
    this.#detail.textContent = `${exactTime(mark.clock, this.#view.to - this.#view.from)}: ${mark.text}`;
    if (follow && mark.link !== "") location.hash = mark.link;
  }

  #find(text: string): void {
    const wanted = text.trim().toLowerCase();
    const found = new Set<number>();
    this.#model.names.forEach((name, i) => {
      if (name.toLowerCase().includes(wanted)) found.add(i);
    });
    this.#view.found = wanted === "" ? null : found;
    this.#redraw();
  }
}

/** The slice at a time, or the nearest within reach. */
function nearest(lane: LaneView, clock: number, reach: number): number | null {
  const at = firstAfter(lane, clock - reach);
  let best: number | null = null;
  let distance = reach;
  for (let i = at; i < lane.starts.length && lane.starts[i]! <= clock + reach; i++) {
    const away = Math.max(0, lane.starts[i]! - clock, clock - lane.ends[i]!);
    if (away <= distance && (best === null || away < distance)) {
      best = i;
      distance = away;
    }
    if (away === 0) break;
  }
  return best;
}

/** Sized for the screen's pixels, empty. */
function prepared(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = Math.min(2, devicePixelRatio || 1);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d")!;
  context.scale(ratio, ratio);
  return context;
}
