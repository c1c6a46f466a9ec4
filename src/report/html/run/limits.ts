/** What a run's page holds at most: each part says so when it was cut. Together they keep a page below PAGE_BYTES_MAX. */
export const PAGE_BYTES_MAX = 12 * 1024 ** 2;
/** Slices and blocks of the timeline. */
export const SLICES_MAX = 60_000;
export const MARKS_MAX = 2000;
export const HEATMAP_ROWS_MAX = 30;
export const LOCK_ROWS_MAX = 400;
export const LEAK_GROUPS_MAX = 100;
export const FINDINGS_MAX = 200;
/** Of one finding's text, and of one line of source or console. */
export const TEXT_CHARACTERS_MAX = 20_000;
export const LINE_CHARACTERS_MAX = 400;
/** Excerpts of sources: of one finding, and of all. */
export const EXCERPTS_EACH_MAX = 12;
export const EXCERPTS_MAX = 400;
export const CONSOLE_CHARACTERS_MAX = 256 * 1024;
export const SCANS_MAX = 500;
export const FLAME_NODES_MAX = 8000;
