/** The strip above the tracks: which part of the run is seen, times, and marks (events, steps, findings). */
import { guestTime, roundTicks } from "../../numbers.ts";
import type { MarkData } from "../../timeline/data.ts";
import type { Area, Palette, View } from "./draw.ts";
import type { Model } from "./model.ts";

export const AXIS_HEIGHT = 40;
const BAR = 5;
const TICK_WIDTH = 110;
const MARK_SIZE = 4;
const MARK_REACH = 5;

export function drawAxis(context: CanvasRenderingContext2D, model: Model, view: View, { left, width }: Area, colours: Palette): void {
  const whole = model.to - model.from;
  context.fillStyle = colours.soft;
  context.fillRect(left, 0, width, BAR);
  context.fillStyle = colours.dim;
  context.fillRect(left + ((view.from - model.from) / whole) * width, 0, Math.max(2, ((view.to - view.from) / whole) * width), BAR);
  const scale = width / (view.to - view.from);
  context.font = '11px system-ui, -apple-system, "Segoe UI", Arial, sans-serif';
  context.textBaseline = "middle";
  for (const tick of ticks(view, width)) {
    const x = left + (tick - view.from) * scale;
    context.fillStyle = colours.line;
    context.fillRect(x, 24, 1, AXIS_HEIGHT - 24);
    context.fillStyle = colours.dim;
    const text = exactTime(tick, view.to - view.from);
    if (x + 3 + context.measureText(text).width <= left + width) context.fillText(text, x + 3, 17);
  }
  for (const mark of model.marks) {
    const x = left + (mark.clock - view.from) * scale;
    if (x < left - 1 || x > left + width + 1) continue;
    context.fillStyle = markColour(mark, colours);
    context.beginPath();
    context.moveTo(x - MARK_SIZE, AXIS_HEIGHT - 2 * MARK_SIZE);
    context.lineTo(x + MARK_SIZE, AXIS_HEIGHT - 2 * MARK_SIZE);
    context.lineTo(x, AXIS_HEIGHT);
    context.fill();
  }
}

/** Thin lines through the tracks at ticks and marks. */
export function drawRules(context: CanvasRenderingContext2D, model: Model, view: View, { left, width }: Area, colours: Palette): void {
  const scale = width / (view.to - view.from);
  context.fillStyle = colours.soft;
  for (const tick of ticks(view, width)) context.fillRect(left + (tick - view.from) * scale, 0, 1, model.height);
  for (const mark of model.marks) {
    const x = left + (mark.clock - view.from) * scale;
    if (x < left || x > left + width) continue;
    context.globalAlpha = mark.kind === "finding" ? 0.7 : 0.35;
    context.fillStyle = markColour(mark, colours);
    context.fillRect(x - 0.5, 0, 1, model.height);
    context.globalAlpha = 1;
  }
}

const markColour = ({ kind }: MarkData, colours: Palette): string => (kind === "finding" ? colours.fail : kind === "step" ? colours.link : colours.dim);

function ticks({ from, to }: View, width: number): number[] {
  return roundTicks(from, to, Math.max(2, width / TICK_WIDTH)).filter((tick) => tick >= from && tick <= to);
}

/** As exact as neighbouring ticks need it. */
export function exactTime(clock: number, span: number): string {
  const unit = [1e9, 1e6, 1e3].find((one) => clock >= one);
  if (unit === undefined) return guestTime(clock);
  const digits = Math.max(0, Math.min(9, Math.ceil(Math.log10(unit / (span / 10)))));
  return `${(clock / unit).toFixed(digits)}\u2009${unit === 1e9 ? "s" : unit === 1e6 ? "ms" : "µs"}`;
}

/** The mark nearest to a place on the axis. */
export function markAt(model: Model, view: View, { left, width }: Area, x: number): MarkData | null {
  const scale = width / (view.to - view.from);
  let best: MarkData | null = null;
  let distance = MARK_REACH;
  for (const mark of model.marks) {
    const away = Math.abs(left + (mark.clock - view.from) * scale - x);
    if (away < distance) {
      distance = away;
      best = mark;
    }
  }
  return best;
}
