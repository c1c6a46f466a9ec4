/**
 * Draws lanes on a canvas. Slices narrower than a pixel are summed up by pixel: how strong it is says how much of it was busy, its
 * colour whose the longest of them was.
 */
import { firstAfter, type LaneView, type Model, type TrackView } from "./model.ts";

export interface Palette {
  readonly background: string;
  readonly panel: string;
  readonly line: string;
  readonly soft: string;
  readonly text: string;
  readonly dim: string;
  readonly link: string;
  readonly fail: string;
  readonly series: readonly string[];
  readonly heat: readonly string[];
}

export function palette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    background: of("bg"), panel: of("panel"), line: of("line"), soft: of("soft"), text: of("text"), dim: of("dim"), link: of("link"), fail: of("fail"),
    series: Array.from({ length: 8 }, (_, i) => of(`c${i}`)),
    heat: Array.from({ length: 10 }, (_, i) => of(`h${i}`)),
  };
}

export interface View {
  from: number;
  to: number;
  /** Names that are found; null: no search. */
  found: ReadonlySet<number> | null;
  track: number;
  chosen: { lane: LaneView; index: number } | null;
}

export interface Area {
  readonly left: number;
  readonly width: number;
}

const FONT = '11px system-ui, -apple-system, "Segoe UI", Arial, sans-serif';
const TEXT_WIDTH_MIN = 34;
const HATCH_WIDTH_MIN = 6;
const FADED = 0.18;
/** Fewer characters of a name than this say nothing. */
const FITTED_MIN = 4;

export function drawTracks(context: CanvasRenderingContext2D, model: Model, view: View, area: Area, colours: Palette): void {
  const { left, width } = area;
  context.font = FONT;
  context.textBaseline = "middle";
  for (const { name, top } of model.headings) {
    context.fillStyle = colours.dim;
    context.fillText(name, 2, top + 13);
    context.fillStyle = colours.line;
    context.fillRect(0, top + 21, left + width, 1);
  }
  model.tracks.forEach((track, i) => {
    if (i === view.track) {
      context.fillStyle = colours.panel;
      context.fillRect(0, track.top - 2, left + width, track.bottom - track.top);
    }
    drawLabel(context, track, left, i === view.track ? colours.text : colours.dim);
    for (const lane of track.lanes) drawLane(context, lane, model, view, area, colours);
  });
}

function drawLabel(context: CanvasRenderingContext2D, track: TrackView, left: number, colour: string): void {
  context.fillStyle = colour;
  context.fillText(fitted(context, track.name, left - 12), 8, track.top + (track.lanes[0]?.height ?? 0) / 2 + 0.5);
}

function colourOf(lane: LaneView, name: number, model: Model, colours: Palette): string {
  const colour = model.colours[name]!;
  if (lane.kind === "wait") return colours.fail;
  if (lane.kind === "waiters") return colours.heat[Math.min(9, colour + 2)]!;
  return colour < 0 ? colours.soft : colours.series[colour]!;
}

function drawLane(context: CanvasRenderingContext2D, lane: LaneView, model: Model, view: View, area: Area, colours: Palette): void {
  const { left, width } = area;
  const scale = width / (view.to - view.from);
  const x = (clock: number): number => left + (clock - view.from) * scale;
  const { starts, ends, names, counts, busy, top, height } = lane;
  const thin = new Float32Array(width + 1);
  const longest = new Float32Array(width + 1);
  const whose = new Int32Array(width + 1);
  for (let i = firstAfter(lane, view.from); i < starts.length && starts[i]! < view.to; i++) {
    const x0 = Math.max(left, x(starts[i]!));
    const x1 = Math.min(left + width, x(ends[i]!));
    const share = busy[i]! / (ends[i]! - starts[i]!);
    if (x1 - x0 < 1) {
      const pixel = Math.min(width, Math.floor(x0 - left));
      thin[pixel]! += (x1 - x0) * share;
      if (x1 - x0 >= longest[pixel]!) {
        longest[pixel] = x1 - x0;
        whose[pixel] = names[i]!;
      }
      continue;
    }
    const faded = view.found !== null && !view.found.has(names[i]!);
    const colour = colourOf(lane, names[i]!, model, colours);
    context.globalAlpha = (faded ? FADED : 1) * (counts[i] === 1 ? 1 : 0.25 + 0.6 * share);
    context.fillStyle = colour;
    context.fillRect(x0, top, Math.max(0.7, x1 - x0 - (x1 - x0 > 3 ? 0.6 : 0)), height);
    if (counts[i]! > 1 && x1 - x0 >= HATCH_WIDTH_MIN) hatch(context, x0, top, x1 - x0, height, colours.background);
    else if (counts[i] === 1 && !faded && x1 - x0 >= TEXT_WIDTH_MIN && height >= 12 && model.colours[names[i]!]! >= 0)
      writeIn(context, model.names[names[i]!]!, x0, x1, top + height / 2 + 0.5, colours.background);
  }
  for (let pixel = 0; pixel <= width; pixel++) {
    if (thin[pixel] === 0) continue;
    const faded = view.found !== null && !view.found.has(whose[pixel]!);
    context.globalAlpha = (faded ? FADED : 1) * Math.min(1, 0.3 + 0.7 * thin[pixel]!);
    context.fillStyle = colourOf(lane, whose[pixel]!, model, colours);
    context.fillRect(left + pixel, top, 1, height);
  }
  context.globalAlpha = 1;
  const { chosen } = view;
  if (chosen?.lane !== lane) return;
  const x0 = Math.max(left, x(starts[chosen.index]!));
  const x1 = Math.min(left + width, Math.max(x0 + 2, x(ends[chosen.index]!)));
  if (x1 < left || x0 > left + width) return;
  context.strokeStyle = colours.text;
  context.lineWidth = 1.5;
  context.strokeRect(x0 - 0.5, top - 0.5, x1 - x0 + 1, height + 1);
}

function hatch(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number, colour: string): void {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.globalAlpha = 0.45;
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  for (let at = x - height; at < x + width; at += 5) {
    context.moveTo(at, y + height);
    context.lineTo(at + height, y);
  }
  context.stroke();
  context.restore();
}

function writeIn(context: CanvasRenderingContext2D, text: string, x0: number, x1: number, y: number, colour: string): void {
  context.fillStyle = colour;
  context.globalAlpha = 1;
  const shown = fitted(context, text, x1 - x0 - 6);
  if (shown.length > FITTED_MIN || shown === text) context.fillText(shown, x0 + 3, y);
}

function fitted(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (context.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low)}…`;
}
