// What a pointer reads off a chart. Without it the page lacks nothing but this.
"use strict";
for (const plot of document.querySelectorAll(".plot")) {
  const reading = JSON.parse(plot.querySelector("script").textContent);
  const cursor = document.createElement("div"), box = document.createElement("div");
  cursor.className = "cursor";
  box.className = "reading";
  cursor.hidden = box.hidden = true;
  plot.append(cursor, box);

  const nearest = (at) => {
    let low = 0, high = reading.at.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (reading.at[middle] < at) low = middle; else high = middle;
    }
    return at - reading.at[low] < reading.at[high] - at ? low : high;
  };

  const show = (event) => {
    const frame = plot.getBoundingClientRect();
    const number = nearest((event.clientX - frame.left) / frame.width * 100);
    const at = reading.at[number];
    const list = document.createElement("ul");
    for (const series of reading.series) {
      if (!series.y[number]) continue;
      const line = document.createElement("li"), colour = document.createElement("i"), value = document.createElement("b");
      colour.className = series.style;
      value.textContent = series.y[number];
      line.append(colour, series.name, value);
      list.append(line);
    }
    box.replaceChildren(reading.x[number], list);
    cursor.hidden = box.hidden = false;
    cursor.style.left = at + "%";
    box.style.left = at < 55 ? `calc(${at}% + 0.6rem)` : "auto";
    box.style.right = at < 55 ? "auto" : `calc(${100 - at}% + 0.6rem)`;
  };

  plot.addEventListener("pointermove", show);
  plot.addEventListener("pointerdown", show);
  plot.addEventListener("pointerleave", () => { cursor.hidden = box.hidden = true; });
}
