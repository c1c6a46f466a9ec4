/**
 * Durations and sizes as people write them: `50ms`, `1200cycles`, `64MiB`.
 *
 * One cycle is one nanosecond of guest time (DESIGN.md section 3), so a duration is a whole number of cycles.
 * A number without a unit is refused, except 0.
 */

const CYCLES_PER_UNIT: Readonly<Record<string, number>> = {
  cycles: 1,
  ns: 1,
  us: 1_000,
  ms: 1_000_000,
  s: 1_000_000_000,
};

const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

function scaled(
  text: string | number,
  units: Readonly<Record<string, number>>,
  fractions: boolean,
): number | null {
  if (text === 0) return 0;
  if (typeof text !== "string") return null;
  const match = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*$/.exec(text);
  if (!match) return text.trim() === "0" ? 0 : null;
  const unit = Object.hasOwn(units, match[2]) ? units[match[2]] : undefined;
  if (unit === undefined || (!fractions && match[1].includes("."))) return null;
  const value = Math.round(Number(match[1]) * unit);
  return Number.isSafeInteger(value) ? value : null;
}

/** Cycles, or null when the text is not a duration. */
export function parseDuration(text: string | number): number | null {
  return scaled(text, CYCLES_PER_UNIT, true);
}

/** Bytes, or null when the text is not a size. */
export function parseSize(text: string | number): number | null {
  return scaled(text, BYTES_PER_UNIT, false);
}

/** The largest unit that keeps the number whole: 3000000 -> `3ms`. The guest's parser reads these. */
export function formatDuration(cycles: number): string {
  for (const [unit, per] of [
    ["s", 1_000_000_000],
    ["ms", 1_000_000],
    ["us", 1_000],
  ] as const) {
    if (cycles !== 0 && cycles % per === 0) return `${cycles / per}${unit}`;
  }
  return `${cycles}ns`;
}

/** `64 MiB`, `1.5 KiB`, `12 B`. */
export function formatSize(bytes: number): string {
  for (const unit of ["GiB", "MiB", "KiB"] as const) {
    const per = BYTES_PER_UNIT[unit];
    if (bytes >= per) {
      const value = bytes / per;
      return `${Number.isInteger(value) ? value : value.toFixed(1)} ${unit}`;
    }
  }
  return `${bytes} B`;
}
