/** What kmemleak's reports are worth: each right or false with the reason, what was missed and why. */
import type { TruthResult } from "../lab/truth/truth.ts";
import { type Align, grouped, section, table } from "./text.ts";

/** So many blocks of one verdict and reason are named; the rest is counted. */
const NAMED_MAX = 8;

export function truthSection(truth: TruthResult): string {
  const { scans, reports, missed, precision, recall } = truth;
  const share = (value: number | null): string => (value === null ? "-" : value.toFixed(3));
  const lines = [`precision ${share(precision)}, recall ${share(recall)}`];
  const rows = scans.map((scan) => [scan.number, scan.cycle, scan.blocks, scan.tracked, scan.unreachable, scan.suspects].map(grouped));
  if (rows.length > 0) {
    const head = ["scan", "seen at cycle", "live blocks", "tracked", "old and unreachable", "suspects"];
    lines.push(...table([head, ...rows], head.map((): Align => "right")));
  }
  const view = (verdict: string, all: readonly { readonly reason: string; readonly text: string }[]): void => {
    for (const reason of new Set(all.map((one) => one.reason))) {
      const same = all.filter((one) => one.reason === reason);
      lines.push(`${verdict}, ${reason}: ${grouped(same.length)}`);
      lines.push(...same.slice(0, NAMED_MAX).map(({ text }) => `  ${text}`));
      if (same.length > NAMED_MAX) lines.push(`  and ${grouped(same.length - NAMED_MAX)} more`);
    }
  };
  const text = (address: string, planted: string | null, detail: string): string =>
    `${address}${planted === null ? "" : ` ${planted}`}${detail === "" ? "" : `: ${detail}`}`;
  for (const verdict of ["leak", "false"] as const) {
    const some = reports.filter((one) => one.verdict === verdict);
    view(verdict === "leak" ? "right" : "false", some.map((one) => ({ reason: one.reason, text: text(one.address, one.planted, one.detail) })));
  }
  view("missed", missed.map((one) => ({ reason: one.reason, text: text(one.address, one.planted, one.detail) })));
  return section("truth", lines);
}
