/**
 * What a run's page holds at most: each part says so when it was cut. Together they keep a page below PAGE_BYTES_MAX, even when every
 * character is one that takes twelve bytes to be made visible; an ordinary page has a hundredth of that.
 */
export const PAGE_BYTES_MAX = 24 * 1024 ** 2;
/** Slices and blocks of the timeline. */
export const SLICES_MAX = 60_000;
export const MARKS_MAX = 2000;
export const HEATMAP_ROWS_MAX = 30;
export const LOCK_ROWS_MAX = 400;
export const LEAK_GROUPS_MAX = 100;
export const FINDINGS_MAX = 200;
/** Of one text (a finding's report, the scenario's file), of all reports together, and of one line of source or summary. */
export const TEXT_CHARACTERS_MAX = 20_000;
export const REPORTS_CHARACTERS_MAX = 400_000;
export const LINE_CHARACTERS_MAX = 200;
export const HEADLINE_CHARACTERS_MAX = 600;
/** Excerpts of sources: of one finding, and of all. */
export const EXCERPTS_EACH_MAX = 12;
export const EXCERPTS_MAX = 400;
export const CONSOLE_CHARACTERS_MAX = 256 * 1024;
export const SCANS_MAX = 500;
export const FLAME_NODES_MAX = 8000;

/** The text, or its beginning and how much is missing. */
export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}… [${text.length - most} characters more]`;
}
