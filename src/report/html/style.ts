/**
 * The page's style sheet: light and dark by the system's setting, dense, for screen and paper.
 *
 * c0..c7 are the colours of series and tasks (an order that stays apart for the colour-blind), h0..h9 the steps of a heatmap.
 */
const LIGHT = `  --bg: #fcfcfb; --panel: #f4f4f2; --line: #dcdbd6; --soft: #ebeae6; --text: #1d1d1b; --dim: #63625d;
  --link: #1a5fb4; --mark: #fff1c2; --pass: #1b7f4b; --fail: #b3261e; --open: #8a5a00;
  --c0: #2f6fb5; --c1: #d8752a; --c2: #2f9a6c; --c3: #b8498f; --c4: #8a6fc7; --c5: #a38a12; --c6: #3aa0ad; --c7: #7d7a74;
  --h0: #f4f4f2; --h1: #fdeccb; --h2: #fcd9a0; --h3: #f9bf78; --h4: #f3a05a; --h5: #e67e46; --h6: #d45d3c; --h7: #b93f38; --h8: #952a35; --h9: #6c1a30;
`;

export const STYLE = `
:root {
  color-scheme: light dark;
${LIGHT}  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "Roboto Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --bg: #17181a; --panel: #1f2123; --line: #383b3f; --soft: #292c2f; --text: #e4e3df; --dim: #9b9a94;
    --link: #82b4ee; --mark: #4a3f1a; --pass: #5bc48c; --fail: #f2877e; --open: #e2b04a;
    --c0: #6ea6e0; --c1: #eb985a; --c2: #5fc096; --c3: #dd82ba; --c4: #b3a0e6; --c5: #cdb64a; --c6: #6cc7d2; --c7: #a3a09a;
    --h0: #1f2123; --h1: #3a2620; --h2: #562f23; --h3: #753a25; --h4: #964827; --h5: #b65a2b; --h6: #d27333; --h7: #e79346; --h8: #f4b768; --h9: #fcdf9e;
  }
}
/* For what is drawn by a script while paper is the medium. */
:root.paper {
${LIGHT}}
* { box-sizing: border-box; }
html { scroll-padding-top: 3rem; }
body { margin: 0; background: var(--bg); color: var(--text); font: 14px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
header, main, footer, nav { max-width: 1440px; margin: 0 auto; padding: 0 1.5rem; }
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: 2px; }
code, pre, .mono { font-family: var(--mono); font-size: 12.5px; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 0.5rem; background: var(--bg); padding: 0.25rem 0.5rem; z-index: 9; }
header { padding-top: 1.5rem; padding-bottom: 1rem; --verdict: var(--open); }
header.pass { --verdict: var(--pass); }
header.fail { --verdict: var(--fail); }
header .what { margin: 0; color: var(--dim); }
h1 { margin: 0.1rem 0 0.6rem; padding-left: 0.7rem; border-left: 5px solid var(--verdict); font-size: 1.25rem; line-height: 1.35; font-weight: 600; overflow-wrap: anywhere; }
h1 b { color: var(--verdict); font-weight: 700; }
nav { position: sticky; top: 0; z-index: 3; display: flex; gap: 0 1.1rem; overflow-x: auto; background: var(--bg); border-bottom: 1px solid var(--line); }
nav a { padding: 0.5rem 0; white-space: nowrap; text-decoration: none; color: var(--text); border-bottom: 2px solid transparent; }
nav a:hover { border-color: var(--link); color: var(--link); }
.count { color: var(--dim); font-variant-numeric: tabular-nums; font-size: 12px; }
section { padding: 0.4rem 0 0.8rem; }
h2 { margin: 1.2rem 0 0.5rem; font-size: 1.05rem; font-weight: 650; }
h3 { margin: 1.1rem 0 0.35rem; font-size: 0.95rem; font-weight: 600; }
p { margin: 0.35rem 0; }
.note, .none { color: var(--dim); font-size: 13px; max-width: 100ch; }
footer { padding: 1rem 1.5rem 2rem; color: var(--dim); font-size: 12.5px; border-top: 1px solid var(--line); margin-top: 1.5rem; }
.badge { display: inline-block; padding: 0 0.45em; border: 1px solid currentColor; border-radius: 3px; font-size: 12px; line-height: 1.45; }
.badge.ok { color: var(--pass); } .badge.bad { color: var(--fail); } .badge.open { color: var(--open); }
.command { display: block; margin: 0.4rem 0; padding: 0.45rem 0.7rem; background: var(--panel); border: 1px solid var(--line); border-radius: 4px; overflow-wrap: anywhere; user-select: all; }
pre { margin: 0.4rem 0; padding: 0.6rem 0.8rem; background: var(--panel); border: 1px solid var(--line); border-radius: 4px; overflow: auto; line-height: 1.45; tab-size: 2; }
pre.tall { max-height: 32rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
caption { text-align: left; color: var(--dim); padding-bottom: 0.2rem; }
th, td { padding: 0.16rem 0.5rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--soft); }
th:first-child, td:first-child { padding-left: 0.2rem; }
thead th { border-bottom: 1px solid var(--line); font-weight: 600; white-space: nowrap; vertical-align: bottom; color: var(--dim); }
th.n, td.n { text-align: right; white-space: nowrap; }
tbody tr:hover { background: var(--panel); }
th button { all: unset; cursor: pointer; color: inherit; }
th button:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
th button:hover { color: var(--link); }
th button::after { content: "\\2195"; opacity: 0.4; font-size: 9px; vertical-align: 0.1em; }
th[aria-sort] button { color: var(--text); }
th[aria-sort=ascending] button::after { content: "\\2191"; opacity: 1; }
th[aria-sort=descending] button::after { content: "\\2193"; opacity: 1; }
.facts { margin: 0.3rem 0; }
.facts th { font-weight: 400; color: var(--dim); white-space: nowrap; }
.facts th.wrap { white-space: normal; overflow-wrap: anywhere; }
.facts td { overflow-wrap: anywhere; }
.columns { display: flex; flex-wrap: wrap; gap: 0.5rem 2.5rem; align-items: flex-start; }
details { margin: 0.3rem 0; }
summary { cursor: pointer; }
summary:hover { color: var(--link); }
.charts { display: flex; flex-wrap: wrap; gap: 0.75rem 1.5rem; }
figure { margin: 0.4rem 0; min-width: 0; }
.chart figcaption { font-size: 13px; max-width: 35rem; }
.chart b, .grid-title { font-weight: 600; }
svg { max-width: 100%; height: auto; display: block; }
svg text { fill: var(--text); font: 11px system-ui, -apple-system, "Segoe UI", Arial, sans-serif; font-variant-numeric: tabular-nums; }
svg .tick, svg .label { fill: var(--dim); }
svg .grid { stroke: var(--soft); fill: none; } svg .axis { stroke: var(--line); fill: none; }
svg .line { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round; }
svg .bar { fill: none; stroke: currentColor; stroke-width: 1; opacity: 0.55; }
svg circle { fill: currentColor; stroke: var(--bg); stroke-width: 1; }
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); }
.c4 { color: var(--c4); } .c5 { color: var(--c5); } .c6 { color: var(--c6); } .c7 { color: var(--c7); }
.key { margin-left: 0.9em; white-space: nowrap; }
.key::before { content: ""; display: inline-block; width: 0.75em; height: 0.75em; margin-right: 0.35em; background: currentColor; border-radius: 2px; }
.legend .key { color: var(--text); } 
.legend .c0::before { background: var(--c0); } .legend .c1::before { background: var(--c1); } .legend .c2::before { background: var(--c2); } .legend .c3::before { background: var(--c3); }
.legend .c4::before { background: var(--c4); } .legend .c5::before { background: var(--c5); } .legend .c6::before { background: var(--c6); } .legend .c7::before { background: var(--c7); }
h4 { margin: 0.8rem 0 0.3rem; font-size: 0.9rem; }
.lead { gap: 0.5rem 3rem; }
.lead > div { min-width: 0; }
.facts .command { margin: 0; }
.columns > div { min-width: 0; max-width: 100%; }
.columns .wide { max-width: 46rem; }
.finding { border-left: 3px solid var(--line); padding-left: 0.8rem; margin: 0.7rem 0; }
.finding[open] { border-color: var(--fail); }
.finding > summary, .leak > summary { overflow-wrap: anywhere; }
.when { font-size: 12.5px; white-space: nowrap; }
.explained { margin: 0.2rem 0 0.8rem; }
.explained > pre, .excerpts { min-width: 0; }
.explained > pre { white-space: pre-wrap; overflow-wrap: anywhere; }
@media screen and (min-width: 1100px) {
  .explained { display: grid; grid-template-columns: minmax(0, 1.05fr) minmax(0, 1fr); gap: 1.25rem; align-items: start; }
}
.excerpts details { margin: 0.15rem 0; }
.excerpts summary { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.source { margin: 0.2rem 0 0.5rem; padding: 0.4rem 0.8rem; }
.source mark { background: var(--mark); color: inherit; display: block; margin: 0 -0.8rem; padding: 0 0.8rem; }
.ln { color: var(--dim); user-select: none; }
.peek, .zero { color: var(--dim); }
.times { display: inline-block; min-width: 4.5em; text-align: right; font-variant-numeric: tabular-nums; }
.controls { display: flex; flex-wrap: wrap; gap: 0.3rem 0.35rem; align-items: center; margin-bottom: 0.5rem; }
.controls button { font: inherit; font-size: 13px; min-width: 2rem; padding: 0.1rem 0.5rem; border: 1px solid var(--line); border-radius: 3px; background: var(--panel); color: var(--text); cursor: pointer; }
.controls button:hover { border-color: var(--dim); }
.controls input { font: inherit; font-size: 13px; width: 12rem; padding: 0.1rem 0.4rem; border: 1px solid var(--line); border-radius: 3px; background: var(--bg); color: var(--text); }
.controls label { margin-left: 0.6rem; color: var(--dim); font-size: 13px; }
.range { margin-left: auto; color: var(--dim); font-size: 12.5px; font-variant-numeric: tabular-nums; white-space: pre; }
.canvas-box { max-height: 78vh; overflow: hidden auto; border-top: 1px solid var(--line); border-bottom: 1px solid var(--line); cursor: default; touch-action: pan-y; }
.canvas-box canvas, .time-axis { display: block; }
.detail { min-height: 1.5em; font-size: 13px; overflow-wrap: anywhere; }
.detail:empty::before { content: "Drag to move, Ctrl + wheel or double click to zoom; point at a slice for its figures."; color: var(--dim); }
.flame-box { position: relative; overflow: hidden; }
.flame-box button { all: unset; position: absolute; height: 17px; box-sizing: border-box; padding: 0 3px; overflow: hidden; white-space: nowrap; text-overflow: clip; font-size: 11px; line-height: 17px; border-radius: 1px; cursor: pointer; color: var(--text); background: color-mix(in srgb, var(--k) 45%, var(--bg)); }
.flame-box button:hover { background: color-mix(in srgb, var(--k) 75%, var(--bg)); }
.flame-box button:focus-visible { outline: 2px solid var(--link); outline-offset: -2px; }
.flame-box .faded { background: var(--soft); color: var(--dim); }
.k0 { --k: var(--c0); } .k1 { --k: var(--c1); } .k2 { --k: var(--c2); } .k3 { --k: var(--c3); } .k4 { --k: var(--c4); } .k5 { --k: var(--c5); } .k6 { --k: var(--c6); }
.flame .detail:empty::before { content: "A click or Enter gives a box the whole width."; }
.switch { border: 0; padding: 0; margin: 0; min-width: 0; }
.switch legend { float: left; padding: 0 0.6rem 0 0; color: var(--dim); }
.switch label { margin-right: 0.8rem; }
.heat { display: none; clear: both; }
#heat-waiters:checked ~ .heat.waiters, #heat-held:checked ~ .heat.held { display: block; }
.heatmap { width: 100%; }
.heatmap rect[data-from] { cursor: pointer; }
.heatmap rect[data-from]:hover { stroke: var(--text); stroke-width: 1; }
.scale { margin: 0.3rem 0 0 250px; }
.h0 { fill: var(--h0); } .h1 { fill: var(--h1); } .h2 { fill: var(--h2); } .h3 { fill: var(--h3); } .h4 { fill: var(--h4); }
.h5 { fill: var(--h5); } .h6 { fill: var(--h6); } .h7 { fill: var(--h7); } .h8 { fill: var(--h8); } .h9 { fill: var(--h9); }
@media (max-width: 700px) {
  .facts th { white-space: normal; }
  .scale { margin-left: 0; }
  .heat { overflow-x: auto; } .heatmap { max-width: none; width: auto; }
  header, main, footer, nav { padding-left: 0.8rem; padding-right: 0.8rem; }
  h1 { font-size: 1.1rem; }
}
@media print {
  :root { --bg: #fff; --panel: #fff; --text: #000; --dim: #444; --line: #bbb; --soft: #ddd; }
  body { font-size: 10pt; }
  nav, .skip, .controls, .detail, .switch > input, .switch > label, .switch > legend { display: none; }
  .canvas-box { max-height: none; overflow: visible; }
  .canvas-box canvas, .time-axis { max-width: 100%; }
  header, main, footer { max-width: none; padding: 0; }
  pre, .scroll, pre.tall { overflow: visible; max-height: none; white-space: pre-wrap; overflow-wrap: anywhere; }
  figure, tr, .finding { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
