/**
 * Line, step and scatter charts as inline SVG without a script.
 *
 * Colours come from the page's style sheet (classes c0..c7), so that they follow light and dark. Each point carries its
 * figures as a tooltip; a chart has a sentence for those who cannot see it. What cannot be drawn (a value that is no finite number, one that
 * is not positive on a logarithmic axis) is left out and counted in the caption.
 */
import { decadeTicks, roundTicks, short } from "./numbers.ts";
import { type Html, html } from "./markup.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
  /** Drawn as a bar through the point: quartiles, least and most. */
  readonly low?: number;
  readonly high?: number;
  /** Tooltip; without it the figures. */
  readonly title?: string;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface Axis {
  readonly label: string;
  readonly format?: (value: number) => string;
  readonly log?: boolean;
  /** It counts things: no ticks between whole numbers. */
  readonly whole?: boolean;
  /** Whether the axis begins at 0; of y unless it is logarithmic, of x not. */
  readonly fromZero?: boolean;
  /** Where there are few values, such as numbers of harts: ticks stand there only. */
  readonly values?: readonly number[];
}

export interface ChartOptions {
  readonly title: string;
  readonly kind: "line" | "step" | "scatter";
  readonly x: Axis;
  readonly y: Axis;
  readonly width?: number;
  readonly height?: number;
  /** A sentence below the chart. */
  readonly note?: string;
}

const COLOURS = 8;
/** Circles are drawn for lines of at most so many points. */
const DOTS_MAX = 60;
const MARGIN = { left: 64, right: 26, top: 10, bottom: 40 };
const TICKS = { x: 6, y: 4 };

interface Scale {
  readonly ticks: readonly number[];
  readonly at: (value: number) => number;
  readonly format: (value: number) => string;
}

export function chart(series: readonly Series[], options: ChartOptions): Html {
  const { x, y, width = 448, height = 216 } = options;
  const drawable = series.map((one) => ({ ...one, points: one.points.filter((point) => fits(point.x, x) && fits(point.y, y)) }));
  const points = drawable.flatMap((one) => one.points);
  const left = series.reduce((sum, one) => sum + one.points.length, 0) - points.length;
  const notes = [options.note ?? "", left === 0 ? "" : `${left} values cannot be drawn on these axes.`].filter((one) => one !== "");
  const caption = html`<figcaption><b>${options.title}</b>${legend(series)}</figcaption>`;
  const below = notes.length > 0 && html`<p class="note">${notes.join(" ")}</p>`;
  if (points.length === 0) return html`<figure class="chart">${caption}<p class="none">no values</p>${below}</figure>`;
  const xs = scale(points.map((one) => one.x), x, { from: MARGIN.left, to: width - MARGIN.right }, TICKS.x, false);
  const heights = points.flatMap((one) => [one.y, one.low ?? one.y, one.high ?? one.y]).filter((value) => fits(value, y));
  const ys = scale(heights, y, { from: height - MARGIN.bottom, to: MARGIN.top }, TICKS.y, true);
  const label = `${options.title}: ${y.label} by ${x.label}; ${points.length} values`;
  return html`<figure class="chart">${caption}<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${label}">${
    axes(xs, ys, options, width, height)
  }${drawable.map((one, i) => drawSeries(one, i % COLOURS, options, xs, ys))}</svg>${below}</figure>`;
}

function fits(value: number, { log }: Axis): boolean {
  return Number.isFinite(value) && (!log || value > 0);
}

function scale(values: readonly number[], axis: Axis, room: { from: number; to: number }, count: number, zero: boolean): Scale {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const fromZero = axis.fromZero ?? zero;
  const round = axis.log ? decadeTicks(low, high) : roundTicks(fromZero ? Math.min(0, low) : low, fromZero ? Math.max(0, high) : high, count, axis.whole);
  const ticks = axis.values ?? round;
  const ends = axis.values ? [Math.min(low, ...ticks), Math.max(high, ...ticks)] : [ticks[0]!, ticks.at(-1)!];
  const of = axis.log ? Math.log10 : (value: number): number => value;
  const [first, last] = [of(ends[0]!), of(ends[1]!)];
  const span = last - first || 1;
  return {
    ticks,
    at: (value) => room.from + ((of(value) - first) / span) * (room.to - room.from),
    format: axis.format ?? short,
  };
}

const px = (value: number): string => String(Math.round(value * 10) / 10);

function axes(xs: Scale, ys: Scale, { x, y }: ChartOptions, width: number, height: number): Html {
  const bottom = height - MARGIN.bottom;
  const right = width - MARGIN.right;
  const middle = (MARGIN.top + bottom) / 2;
  const rows = ys.ticks.map(
    (tick) => html`<path class="grid" d="M${MARGIN.left} ${px(ys.at(tick))}H${right}"/><text class="tick" text-anchor="end" x="${MARGIN.left - 6}" y="${px(ys.at(tick) + 3.5)}">${ys.format(tick)}</text>`,
  );
  const columns = xs.ticks.map(
    (tick) => html`<path class="grid" d="M${px(xs.at(tick))} ${bottom}v4"/><text class="tick" text-anchor="middle" x="${px(xs.at(tick))}" y="${bottom + 16}">${xs.format(tick)}</text>`,
  );
  return html`${rows}${columns}<path class="axis" d="M${MARGIN.left} ${bottom}H${right}"/><text class="label" text-anchor="middle" x="${px((MARGIN.left + right) / 2)}" y="${height - 6}">${x.label}</text><text class="label" text-anchor="middle" transform="translate(12 ${px(middle)}) rotate(-90)">${y.label}</text>`;
}

function drawSeries({ name, points }: Series, colour: number, { kind, x, y }: ChartOptions, xs: Scale, ys: Scale): Html {
  const at = (point: Point): readonly [string, string] => [px(xs.at(point.x)), px(ys.at(point.y))];
  const line = points.map((point, i) => {
    const [px0, py0] = at(point);
    if (i === 0) return `M${px0} ${py0}`;
    return kind === "step" ? `H${px0}V${py0}` : `L${px0} ${py0}`;
  });
  const bars = points.map((point) =>
    point.low === undefined || point.high === undefined || !fits(point.low, y) || !fits(point.high, y)
      ? null
      : html`<path class="bar" d="M${px(xs.at(point.x))} ${px(ys.at(point.low))}V${px(ys.at(point.high))}"/>`,
  );
  const dots =
    kind === "scatter" || points.length <= DOTS_MAX
      ? points.map((point) => {
          const [cx, cy] = at(point);
          const title = point.title ?? `${name}: ${y.label} ${ys.format(point.y)} at ${x.label} ${xs.format(point.x)}`;
          return html`<circle cx="${cx}" cy="${cy}" r="3"><title>${title}</title></circle>`;
        })
      : [];
  return html`<g class="c${colour}">${kind !== "scatter" && html`<path class="line" d="${line.join("")}"/>`}${bars}${dots}</g>`;
}

function legend(series: readonly Series[]): Html | null {
  if (series.length < 2) return null;
  return html`<span class="legend">${series.map((one, i) => html` <span class="key c${i % COLOURS}">${one.name}</span>`)}</span>`;
}
