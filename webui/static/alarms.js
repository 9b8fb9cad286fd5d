// The tables of alarms: ticking all. The page's stream morphs them, so what is ticked and typed stays.
"use strict";

function ticks() { return [...document.querySelectorAll('#alarms-form input[name="alarm"]')]; }

function ready() {
  const all = document.getElementById("tick-all");
  if (!all) return;
  all.hidden = false;
  all.checked = ticks().length > 0 && ticks().every((tick) => tick.checked);
}
ready();

document.addEventListener("change", (event) => {
  if (event.target.id === "tick-all") for (const tick of ticks()) tick.checked = event.target.checked;
  else if (event.target.name === "alarm") ready();
});

// rows have come or gone
document.addEventListener("fleet", ready);
document.addEventListener("htmx:afterSettle", ready);
