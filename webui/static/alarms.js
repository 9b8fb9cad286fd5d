// The tables of alarms: ticking all, and reading the table again when the numbers change and nothing is ticked or typed.
"use strict";

function readyList() {
  const all = document.getElementById("tick-all");
  if (all) all.hidden = false;
}
readyList();

function ticks() { return [...document.querySelectorAll('#alarms-form input[name="alarm"]')]; }

document.addEventListener("change", (event) => {
  if (event.target.id === "tick-all") for (const tick of ticks()) tick.checked = event.target.checked;
  else if (event.target.name === "alarm") { const all = document.getElementById("tick-all"); if (all) all.checked = ticks().every((tick) => tick.checked); }
});

let stamp = document.getElementById("alarm-numbers")?.dataset.stamp;

document.addEventListener("htmx:afterSettle", () => {
  readyList();
  const now = document.getElementById("alarm-numbers")?.dataset.stamp;
  if (now === undefined || now === stamp) return;
  const busy = ticks().some((tick) => tick.checked) || document.querySelector('#alarms-form input[name="note"]')?.value;
  if (busy) return;
  stamp = now;
  htmx.trigger("#list", "alarms-changed");
});
