/** A heatmap as inline SVG: rows of equal stretches of time, darker (by night brighter) for more; figures as tooltips. */
import { guestTime, roundTicks } from "./numbers.ts";
import { type Html, html } from "./markup.ts";

export interface HeatRow {
  readonly name: string;
  readonly values: readonly number[];
}

export interface HeatmapOptions {
  readonly title: string;
  /** Of the whole map, in cycles. */
  readonly from: number;
  readonly to: number;
  /** Value of the strongest colour. */
  readonly most: number;
  readonly format: (value: number) => string;
}

const STEPS = 10;
const ROW = 18;
const NAMES = 250;
const NAME_CHARACTERS = 38;
const WIDTH = 1180;
const FOOT = 20;

/** 0: nothing; 1..9 by the square root, so that little is seen beside much. */
export function heatStep(value: number, most: number): number {
  if (value <= 0 || most <= 0) return 0;
  return Math.min(STEPS - 1, 1 + Math.floor(Math.sqrt(value / most) * (STEPS - 1)));
}

export function heatmap(rows: readonly HeatRow[], { title, from, to, most, format }: HeatmapOptions): Html {
  const count = rows[0]?.values.length ?? 1;
  const cell = (WIDTH - NAMES) / count;
  const bottom = rows.length * ROW;
  const time = (bin: number): number => from + ((to - from) * bin) / count;
  const lines = rows.map(({ name, values }, row) => {
    const label = name.length > NAME_CHARACTERS ? `${name.slice(0, NAME_CHARACTERS - 1)}…` : name;
    const cells = runs(values.map((value) => heatStep(value, most))).map(({ step, first, end }) => {
      if (step === 0) return null;
      const strongest = values.slice(first, end).reduce((a, b) => Math.max(a, b), 0);
      return html`<rect class="h${step}" x="${round(NAMES + first * cell)}" y="${row * ROW + 1}" width="${round((end - first) * cell)}" height="${ROW - 2}" data-from="${Math.floor(time(first))}" data-to="${Math.ceil(time(end))}"><title>${name}: ${format(strongest)}, ${guestTime(time(first))} to ${guestTime(time(end))}</title></rect>`;
    });
    return html`<g><text class="name" text-anchor="end" x="${NAMES - 8}" y="${row * ROW + 13}">${label}<title>${name}</title></text><rect class="h0" x="${NAMES}" y="${row * ROW + 1}" width="${WIDTH - NAMES}" height="${ROW - 2}"/>${cells}</g>`;
  });
  const ticks = roundTicks(from, to, 8)
    .filter((tick) => tick <= to)
    .map((tick) => {
      const x = NAMES + ((tick - from) / Math.max(1, to - from)) * (WIDTH - NAMES);
      return html`<path class="axis" d="M${round(x)} ${bottom}v4"/><text class="tick" text-anchor="middle" x="${round(x)}" y="${bottom + 16}">${guestTime(tick)}</text>`;
    });
  return html`<svg class="heatmap" viewBox="0 0 ${WIDTH + 20} ${bottom + FOOT}" width="${WIDTH + 20}" height="${bottom + FOOT}" role="img" aria-label="${title}">${lines}${ticks}</svg>`;
}

/** The scale: what each colour stands for. */
export function heatScale(most: number, format: (value: number) => string): Html {
  const ends = Array.from({ length: STEPS - 1 }, (_, i) => most * ((i + 1) / (STEPS - 1)) ** 2);
  const cells = ends.map((end, i) => html`<rect class="h${i + 1}" x="${i * 24}" y="0" width="24" height="10"><title>up to ${format(end)}</title></rect>`);
  return html`<svg class="scale" viewBox="0 0 320 26" width="320" height="26" role="img" aria-label="from nothing to ${format(most)}">${cells}<text class="tick" x="0" y="22">above 0</text><text class="tick" text-anchor="end" x="${24 * (STEPS - 1)}" y="22">${format(most)}</text></svg>`;
}

/** Neighbours of one step are one rectangle. */
function runs(steps: readonly number[]): { step: number; first: number; end: number }[] {
  const found: { step: number; first: number; end: number }[] = [];
  steps.forEach((step, i) => {
    const before = found.at(-1);
    if (before?.step === step && step === 0) before.end = i + 1;
    else found.push({ step, first: i, end: i + 1 });
  });
  return found;
}

const round = (value: number): string => String(Math.round(value * 100) / 100);
