/** One figure of a comparison. */
import type { Unit } from "../../lab/compare/measures.ts";
import { grouped } from "../text.ts";

/** Three digits that count, or all of a whole number. */
export function figureText(value: number, unit: Unit): string {
  if (value === 0) return "0";
  if (unit === "share") return value.toFixed(3);
  const scaled = unit === "cycles" ? value / 1000 : value;
  if (unit !== "cycles" && Number.isInteger(value)) return grouped(value);
  const digits = scaled >= 100 ? 0 : scaled >= 10 ? 1 : scaled >= 1 ? 2 : 3;
  const [whole, rest] = scaled.toFixed(digits).split(".");
  return rest === undefined ? grouped(Number(whole)) : `${grouped(Number(whole))}.${rest}`;
}
