/** Medians, and ratios of runs that stood side by side. */

/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error("median: no values");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** (largest - smallest) / median: how far the runs lie apart. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}

/**
 * The median of a[i] / b[i]. Run i of both stood next to each other in time, so a machine that is slow for a minute is slow
 * for both: steadier than the ratio of the medians.
 */
export function pairedRatio(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) throw new Error("pairedRatio: the runs are not paired");
  return median(a.map((value, i) => value / b[i]!));
}

/** Four significant digits: no more is measured. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
