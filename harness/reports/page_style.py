"""The style of the report page."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --ground: #ffffff; --panel: #f6f7f9; --line: #d9dde3; --ink: #1b1f24; --dim: #5b6470; --accent: #2458c5;
  --right: #2e8b57; --wrong: #c0392b; --none: #8a6d00;
  --planning: #6a5acd; --caption: #0b7285; --think: #a15c00; --answer: #2b8a3e;
  --perception: #c0392b; --reasoning: #d9822b; --commitment: #b8a100; --format: #7b5ea7; --truncation: #4a6fa5;
  --unattributed: #8d949e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --panel: #1d2126; --line: #343a42; --ink: #e4e7eb; --dim: #9aa4b0; --accent: #7da7ff;
    --right: #5fc08a; --wrong: #ef7b6d; --none: #d9b84a;
    --planning: #a79bff; --caption: #5fc6d8; --think: #eaa65a; --answer: #74cf86;
    --perception: #ef7b6d; --reasoning: #f0a45d; --commitment: #dccb4a; --format: #b39ae0; --truncation: #86aee0;
    --unattributed: #a5adb8;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main, header { max-width: 1280px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 24px; }
h1 { font-size: 24px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 32px 0 10px; }
h3 { font-size: 15px; margin: 18px 0 6px; }
p { margin: 6px 0; max-width: 80ch; overflow-wrap: anywhere; }
.dim { color: var(--dim); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 4px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child, th.words, td.words { text-align: left; }
td { vertical-align: top; }
details { margin: 6px 0; }
summary { cursor: pointer; }
td.words { white-space: normal; color: var(--dim); min-width: 320px; max-width: 560px; }
th { color: var(--dim); font-weight: 600; }
.plots { display: flex; flex-wrap: wrap; gap: 8px 32px; }
.plots figure { margin: 0; max-width: 100%; overflow-x: auto; }
figcaption { font-weight: 600; font-size: 14px; margin: 6px 0; }
svg { display: block; max-width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg .label { text-anchor: end; fill: var(--ink); }
svg .value { fill: var(--dim); }
svg .tick { text-anchor: middle; fill: var(--dim); font-size: 11px; }
svg .strong { fill: var(--ink); }
svg .grid, svg .link { stroke: var(--line); stroke-width: 1; }
svg .link { stroke: var(--dim); stroke-dasharray: 2 2; }
svg .interval { stroke: var(--accent); stroke-width: 3; stroke-opacity: .45; stroke-linecap: round; }
svg .point, svg .cell { fill: var(--accent); }
svg .bar { fill: var(--unattributed); }
svg .bar.all { fill: var(--dim); }
svg .bar.right { fill: var(--right); }
svg .bar.perception { fill: var(--perception); }
svg .bar.reasoning { fill: var(--reasoning); }
svg .bar.commitment { fill: var(--commitment); }
svg .bar.format { fill: var(--format); }
svg .bar.truncation { fill: var(--truncation); }
#browser { margin-bottom: 40px; }
.filters { display: flex; flex-wrap: wrap; gap: 8px 12px; align-items: end; margin: 8px 0; }
.filters label { display: flex; flex-direction: column; font-size: 12px; color: var(--dim); }
select, input, button {
  font: inherit; font-size: 14px; color: var(--ink); background: var(--panel); border: 1px solid var(--line);
  border-radius: 5px; padding: 4px 8px; max-width: 220px;
}
button { cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.split { display: grid; grid-template-columns: minmax(340px, 5fr) 6fr; gap: 14px; }
#list { height: 640px; overflow-y: auto; border: 1px solid var(--line); border-radius: 6px; position: relative; }
#spacer { position: relative; }
.row {
  position: absolute; left: 0; right: 0; height: 44px; padding: 3px 10px; border-bottom: 1px solid var(--line);
  cursor: pointer; overflow: hidden; display: grid; grid-template-columns: 1fr auto; column-gap: 10px;
}
.row:hover { background: var(--panel); }
.row[aria-selected="true"] { background: var(--panel); box-shadow: inset 3px 0 var(--accent); }
.row div { line-height: 1.4; font-size: 14px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.row div.under { font-size: 12px; color: var(--dim); }
.row div.state { font-size: 13px; text-align: right; }
.correct { color: var(--right); } .incorrect, .error { color: var(--wrong); } .unanswered { color: var(--none); }
#detail { border: 1px solid var(--line); border-radius: 6px; padding: 12px 16px; height: 640px; overflow-y: auto; }
#detail h3 { margin-top: 0; overflow-wrap: anywhere; }
#detail img { max-width: 100%; min-width: min(100%, 168px); border-radius: 4px; display: block; margin: 8px 0; }
#detail .question { font-weight: 600; white-space: pre-wrap; overflow-wrap: anywhere; }
#detail dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; margin: 10px 0; font-size: 14px; }
#detail dt { color: var(--dim); }
#detail dd { margin: 0; overflow-wrap: anywhere; }
#detail ul { margin: 4px 0; padding-left: 20px; }
.response { white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.55 ui-monospace, monospace; margin: 8px 0; }
.response span.tag { opacity: .6; }
.planning { color: var(--planning); } .caption { color: var(--caption); }
.think { color: var(--think); } .answer { color: var(--answer); font-weight: 600; }
.chip {
  display: inline-block; border: 1px solid var(--line); border-radius: 10px; padding: 0 8px; margin: 0 4px 4px 0;
  font-size: 12px; background: var(--panel);
}
@media (max-width: 860px) {
  .split { grid-template-columns: 1fr; }
  #list { height: 320px; }
  #detail { height: auto; }
}
@media print { #browser { display: none; } }
"""
