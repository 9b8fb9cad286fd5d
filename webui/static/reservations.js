// The calendar by keyboard: one stop for Tab, arrows from cell to cell, Home and End along a row. Without it all are links.
"use strict";

function cells() {
  return [...document.querySelectorAll(".calendar [data-cell]")];
}

function settle() {
  const all = cells();
  const stop = all.find((cell) => cell === document.activeElement) ?? all.find((cell) => cell.tabIndex === 0 && cell.hasAttribute("tabindex")) ?? all[0];
  for (const cell of all) cell.tabIndex = cell === stop ? 0 : -1;
}

function move(to) {
  if (!to) return;
  for (const cell of cells()) cell.tabIndex = cell === to ? 0 : -1;
  to.focus();
}

function across(from, step) {
  const all = cells();
  return all[all.indexOf(from) + step];
}

// the cell above or below whose middle is nearest
function down(from, step) {
  const rows = [...document.querySelectorAll(".calendar tr")].filter((row) => row.querySelector("[data-cell]"));
  const here = rows.indexOf(from.closest("tr"));
  const middle = (cell) => { const box = cell.getBoundingClientRect(); return (box.left + box.right) / 2; };
  const wanted = middle(from);
  const there = [...(rows[here + step]?.querySelectorAll("[data-cell]") ?? [])];
  return there.sort((a, b) => Math.abs(middle(a) - wanted) - Math.abs(middle(b) - wanted))[0];
}

document.addEventListener("keydown", (event) => {
  const cell = event.target.closest?.(".calendar [data-cell]");
  if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
  const row = [...cell.closest("tr").querySelectorAll("[data-cell]")];
  const to = { ArrowRight: () => across(cell, 1), ArrowLeft: () => across(cell, -1), ArrowDown: () => down(cell, 1), ArrowUp: () => down(cell, -1), Home: () => row[0], End: () => row.at(-1) }[event.key];
  if (!to) return;
  event.preventDefault();
  move(to());
});

// the day begins to be interesting an hour before now
function scrollToNow() {
  const scroller = document.querySelector(".calendar.day")?.closest(".scroll");
  const past = [...(document.querySelector(".calendar.day tbody tr:nth-child(2)")?.querySelectorAll("td.past") ?? [])].at(-2);
  if (scroller && past) scroller.scrollLeft = Math.max(0, past.offsetLeft - scroller.querySelector("th").offsetWidth);
}

settle();
scrollToNow();
document.addEventListener("htmx:afterSettle", () => { settle(); scrollToNow(); });
