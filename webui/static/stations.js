// Lists: ticking rows.
"use strict";

// ---- ticks: one for all, and how many there are

function boxes(name) {
  return [...document.querySelectorAll(`input[type=checkbox][name="${name}"]`)];
}

function countPicked() {
  for (const place of document.querySelectorAll("[data-picked]")) {
    const number = boxes(place.dataset.picked).filter((box) => box.checked).length;
    place.textContent = number ? String(number) : "";
  }
  for (const all of document.querySelectorAll("[data-pick-all]")) {
    const some = boxes(all.dataset.pickAll);
    const number = some.filter((box) => box.checked).length;
    all.checked = number > 0 && number === some.length;
    all.indeterminate = number > 0 && number < some.length;
  }
}

document.addEventListener("change", (event) => {
  const all = event.target.dataset?.pickAll;
  if (all) for (const box of boxes(all)) box.checked = event.target.checked;
  if (!event.target.matches("input[type=checkbox]")) return;
  countPicked();
  const fold = document.getElementById("bulk-fold");
  if (fold && event.target.checked && (all || event.target.form?.id === "bulk")) fold.open = true;
});
document.addEventListener("htmx:afterSettle", countPicked);
countPicked();
