"""What a report looks like and the little that it does by itself: style and script, both inside the file."""

from __future__ import annotations

from typing import Final

CSS: Final = """
:root { --ink: #1f2937; --soft: #4b5563; --line: #d8dde4; --paper: #ffffff; --ground: #f3f5f8; --accent: #0072b2; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.5;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
header, main, footer { max-width: 1240px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 28px; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 0 0 12px; }
h3 { font-size: 1.02rem; margin: 20px 0 6px; }
p { margin: 6px 0 10px; max-width: 75ch; }
p, li, dd, dt { overflow-wrap: anywhere; }
a { color: var(--accent); }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .88em; }
code { overflow-wrap: anywhere; }
pre { overflow: auto; max-height: 480px; background: var(--ground); padding: 12px; border-radius: 6px; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; padding: 10px 0; margin: 8px 0 0; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 20px 22px;
  margin: 0 0 18px; }
.badge { display: inline-block; font-weight: 700; letter-spacing: .06em; font-size: 1.05rem; padding: 4px 14px;
  border-radius: 999px; border: 2px solid currentColor; margin: 0 0 10px; }
.badge.virtual { color: #0072b2; } .badge.physical { color: #a33c00; } .badge.function { color: #4b5563; }
.performed { font-size: 1.5rem; font-weight: 700; line-height: 1.25; max-width: none; }
.headline { font-size: 1.3rem; margin: 0 0 8px; max-width: none; }
.headline strong { font-size: 1.9rem; margin: 0 6px; }
.headline small, .made { color: var(--soft); font-size: .9rem; }
.note { color: var(--soft); border-left: 4px solid var(--line); padding-left: 12px; }
.waiting { border: 2px solid #e69f00; border-radius: 10px; padding: 4px 20px; margin: 0 0 18px; background: #fffaf0; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 8px 24px; margin: 8px 0; }
dt { font-size: .8rem; color: var(--soft); } dd { margin: 0; }
.box { overflow-x: auto; max-width: 100%; margin: 10px 0 16px; border: 1px solid var(--line); border-radius: 8px; }
.box:focus-visible, a:focus-visible, button:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 8px 12px; position: sticky; left: 0; white-space: nowrap; }
th, td { padding: 6px 10px; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
th { background: var(--ground); white-space: nowrap; font-weight: 600; }
td.number { text-align: right; white-space: nowrap; } th.number { text-align: right; }
tr.best td { background: #e8f3fa; font-weight: 600; }
tr.failed td, tr.rejected td { background: #fdf1ea; } tr.wrong td, tr.abandoned td { color: var(--soft); }
tr.wrong td.number { text-decoration: line-through; }
.reason { display: inline-block; min-width: 28ch; max-width: 60ch; overflow-wrap: anywhere; }
.bar { display: inline-block; width: 120px; height: .7em; margin-right: 8px; border-radius: 3px;
  background: linear-gradient(var(--accent), var(--accent)) 0 / var(--share) 100% no-repeat var(--line); }
th button { all: unset; cursor: pointer; padding-right: 1em; position: relative; }
th button::after { content: "\\2195"; position: absolute; right: 0; opacity: .35; }
th[aria-sort=ascending] button::after { content: "\\2191"; opacity: 1; }
th[aria-sort=descending] button::after { content: "\\2193"; opacity: 1; }
figure { margin: 0; min-width: 0; } .plot { width: 100%; min-height: 200px; overflow: hidden; }
figcaption { color: var(--soft); font-size: .88rem; max-width: 90ch; }
details summary { cursor: pointer; color: var(--accent); padding: 6px 0; }
footer { color: var(--soft); font-size: .85rem; padding-bottom: 32px; }
@media (max-width: 600px) {
  header, main, footer { padding-left: 12px; padding-right: 12px; } section { padding: 14px 12px; }
  h1 { font-size: 1.5rem; } .headline strong { font-size: 1.5rem; } .performed { font-size: 1.2rem; }
  .bar { width: 56px; } th, td { padding: 5px 8px; }
}
@media print {
  body { background: none; font-size: 11pt; } nav, details, .modebar { display: none; }
  header, main, footer { max-width: none; padding: 0; }
  section { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: 10px 0; }
  .box { overflow: visible; border: 0; } table { font-size: 8pt; } th, td { padding: 2px 4px; }
  th { white-space: normal; } td.number { white-space: normal; } th button { padding: 0; }
  th button::after { content: none !important; }
  .plot { width: 1020px; zoom: .66; }
  figure, tr, h2, h3 { break-inside: avoid; } h2, h3 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""

SCRIPT: Final = """
(function () {
  "use strict";
  var NARROW = 700, PAPER = 1020;
  var config = { displaylogo: false, modeBarButtons: [["toImage", "resetScale2d"]] };

  function draw(spec, width) {
    var place = document.getElementById(spec.dataset.plot);
    width = Math.floor(width || place.clientWidth);
    if (!width || place.dataset.width === String(width)) { return; }
    place.dataset.width = String(width);
    var kind = width < NARROW ? "narrow" : "wide";
    if (place.dataset.kind === kind) { Plotly.relayout(place, { width: width }); return; }
    place.dataset.kind = kind;
    var figure = JSON.parse(spec.textContent)[kind];
    figure.layout.width = width;
    Plotly.react(place, figure.data, figure.layout, config);
  }
  var specs = Array.prototype.slice.call(document.querySelectorAll("script[data-plot]"));
  function drawAll(width) { specs.forEach(function (spec) { draw(spec, width); }); }
  drawAll();
  var waiting = 0, printing = false;
  window.addEventListener("resize", function () {
    if (printing) { return; }
    clearTimeout(waiting);
    waiting = setTimeout(function () { drawAll(); }, 120);
  });
  window.addEventListener("beforeprint", function () { printing = true; drawAll(PAPER); });
  window.addEventListener("afterprint", function () { printing = false; drawAll(); });

  function value(row, column) {
    var cell = row.cells[column], told = cell.dataset.sort;
    return told === undefined ? cell.textContent : told;
  }
  function compare(a, b) {
    var x = parseFloat(a), y = parseFloat(b);
    if (isFinite(a) && isFinite(b) && a !== "" && b !== "") { return x - y; }
    return a.localeCompare(b, undefined, { numeric: true });
  }
  function sort(table, column, head) {
    var down = head.getAttribute("aria-sort") === "ascending", body = table.tBodies[0];
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (one) { one.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    Array.prototype.slice.call(body.rows).sort(function (one, other) {
      var a = value(one, column), b = value(other, column);
      if (a === "" || b === "") { return a === b ? 0 : a === "" ? 1 : -1; }
      return down ? compare(b, a) : compare(a, b);
    }).forEach(function (row) { body.appendChild(row); });
  }
  Array.prototype.forEach.call(document.querySelectorAll("table.sortable"), function (table) {
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, column) {
      head.querySelector("button").addEventListener("click", function () { sort(table, column, head); });
    });
  });
  document.documentElement.dataset.ready = "yes";
})();
"""
