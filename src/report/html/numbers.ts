/** Numbers as a page shows them: grouped, in guest time, with a prefix; and the round numbers of an axis. */
import { grouped } from "../text.ts";

const THIN = "\u2009";
const TIMES: readonly (readonly [number, string])[] = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];
const PREFIXES: readonly (readonly [number, string])[] = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

/** Cycles (1 cycle = 1 ns of guest time) with three digits: `1.25 ms`. */
export function guestTime(cycles: number): string {
  for (const [unit, name] of TIMES) if (Math.abs(cycles) >= unit) return `${threeDigits(cycles / unit)}${THIN}${name}`;
  return `${threeDigits(cycles)}${THIN}ns`;
}

/** `1.25 M`; whole numbers below ten thousand in full. */
export function short(value: number): string {
  if (Math.abs(value) < 1e4) return Number.isInteger(value) ? grouped(value) : threeDigits(value);
  for (const [unit, name] of PREFIXES) if (Math.abs(value) >= unit) return `${threeDigits(value / unit)}${THIN}${name}`;
  return threeDigits(value);
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)}${THIN}%`;
}

export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${threeDigits(bytes / 1024)} KiB` : `${threeDigits(bytes / 1024 ** 2)} MiB`;
}

function threeDigits(value: number): string {
  const text = value.toPrecision(3);
  const plain = text.includes("e") ? String(Math.round(value)) : text;
  return plain.includes(".") ? plain.replace(/\.?0+$/, "") : plain;
}

/** Multiples of 1, 2 or 5 times a power of ten that cover `low`..`high`, about `count` of them; `whole`: none between whole numbers. */
export function roundTicks(low: number, high: number, count: number, whole = false): number[] {
  const span = high > low ? high - low : Math.max(1, Math.abs(high));
  const rough = Math.max(span / Math.max(1, count), whole ? 1 : 0);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((one) => one * power >= rough * 0.999) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil((high > low ? high : low + span) / step - 1e-9);
  // Divided, not multiplied, for steps below one: 3 * 0.1 is no round number.
  return Array.from({ length: last - first + 1 }, (_, i) => (step < 1 ? (first + i) / Math.round(1 / step) : (first + i) * step));
}

/** Powers of ten from at most `low` to at least `high`, both positive. */
export function decadeTicks(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.max(first + 1, Math.ceil(Math.log10(high) - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, i) => Number(`1e${first + i}`));
}
