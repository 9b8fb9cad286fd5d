// <usage-chart data-chart="{…}">: bars (stacked) or lines of any number of series, dashed ones of the span before, a slider
// below for the part that is shown, and a picture of it all.
"use strict";

const LOCALE = document.getElementById("chart-form")?.dataset.locale || "en-GB";
const UNITS = { QUARTER_HOUR: 900, HOUR: 3600, DAY: 86400, WEEK: 604800, MONTH: 2629746, YEAR: 31556952 };

function colourOf(host, name) {
  // a canvas knows no light-dark(): let an element resolve it first
  const probe = document.createElement("i");
  probe.className = name;
  host.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

const faint = (colour, alpha) => colour.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);

customElements.define("usage-chart", class extends HTMLElement {
  #plot = null;
  #small = null;
  #off = new Set();
  #part = [0, 0];
  #observer = null;
  #scheme = matchMedia("(prefers-color-scheme: dark)");
  #redraw = () => { this.draw(); this.drawOverview(); };

  connectedCallback() {
    this.told = JSON.parse(this.dataset.chart);
    this.count = this.told.times.length;
    this.card = this.closest("#chart");
    this.number = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: this.told.digits });
    this.#part = this.partOfAddress();
    this.draw();
    this.bindOverview();
    this.drawOverview();
    this.show(...this.#part, false);
    for (const button of this.card.querySelectorAll("[data-series]")) button.addEventListener("click", () => this.toggle(button));
    this.#observer = new ResizeObserver(() => { this.#plot?.setSize({ width: this.clientWidth, height: this.height() }); this.sizeOverview(); });
    this.#observer.observe(this);
    this.#scheme.addEventListener("change", this.#redraw);
    this.dataset.ready = "1";
  }

  disconnectedCallback() {
    this.#observer?.disconnect();
    this.#scheme.removeEventListener("change", this.#redraw);
    this.#plot?.destroy();
    this.#small?.destroy();
  }

  height() { return this.clientWidth < 560 ? 260 : 360; }

  words(seconds, short = false) {
    const fine = UNITS[this.told.bucket] < 86400;
    const parts = this.told.bucket === "YEAR" ? { year: "numeric" } : this.told.bucket === "MONTH" ? { month: "short", year: "numeric" }
      : fine ? { weekday: short ? undefined : "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" } : { weekday: short ? undefined : "short", day: "numeric", month: "short", year: short ? undefined : "numeric" };
    return new Intl.DateTimeFormat(LOCALE, { ...parts, timeZone: this.told.zone }).format(seconds * 1000);
  }

  // series as they are drawn: for stacked bars each is the sum of those below it and itself
  drawn() {
    const shown = this.told.series.map((series, index) => ({ ...series, index })).filter((series) => !this.#off.has(series.index));
    if (this.told.style !== "bars" || shown.length < 2) return shown.map((series) => ({ ...series, drawn: series.values }));
    const sum = new Array(this.count).fill(0);
    const stacked = shown.map((series) => ({ ...series, drawn: series.values.map((value, i) => (sum[i] += value ?? 0)) }));
    return stacked.reverse(); // the highest first, so that the lower ones are drawn over it
  }

  before(shown) {
    const told = shown.filter((series) => series.previous.length);
    if (!told.length) return null;
    if (told.length === 1) return told[0].previous;
    if (this.told.style !== "bars") return null;
    return told[0].previous.map((_value, i) => told.reduce((sum, series) => sum + (series.previous[i] ?? 0), 0));
  }

  draw() {
    this.#plot?.destroy();
    const shown = this.drawn();
    const previous = this.before(shown);
    const { ink, line, grey } = { ink: colourOf(this, "probe-ink"), line: colourOf(this, "probe-line"), grey: colourOf(this, "probe-grey") };
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const bars = this.told.style === "bars";
    const stacked = bars && shown.length > 1;
    const dots = this.count < 60;
    const paths = bars ? uPlot.paths.bars({ size: [0.72, 48], align: 1, radius: 0.08 }) : undefined;
    const series = shown.map((each) => {
      const colour = colourOf(this, `s${each.index % 11}`);
      return bars ? { label: each.label, paths, points: { show: false }, fill: stacked ? colour : faint(colour, 0.85), width: 0 }
        : { label: each.label, stroke: colour, width: 2, spanGaps: false, points: { show: dots, size: 5, fill: colour }, fill: shown.length === 1 ? faint(colour, 0.12) : undefined };
    });
    if (previous) series.push({ label: this.told.previous, stroke: grey, width: 2, dash: [6, 4], points: { show: false }, paths: bars ? uPlot.paths.stepped({ align: 1 }) : undefined });
    this.times = this.told.times;
    const data = [this.times, ...shown.map((each) => each.drawn), ...(previous ? [previous] : [])];
    this.#plot = new uPlot({
      width: this.clientWidth || 600,
      height: this.height(),
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), this.told.zone),
      legend: { show: false },
      cursor: { points: { show: !bars }, drag: { x: true, y: false, setScale: false } },
      scales: {
        x: { range: () => this.range() },
        y: { range: (_plot, _low, high) => [0, this.told.unit === "%" ? Math.min(100, Math.max(10, (high ?? 0) * 1.1)) : Math.max((high ?? 0) * 1.08, this.told.digits ? 0.1 : 1)] },
      },
      axes: [{ ...axis, space: 76, values: (_plot, ticks) => ticks.map((t) => this.tick(t)) }, { ...axis, size: 54, values: (_plot, ticks) => ticks.map((t) => this.number.format(t)) }],
      series: [{}, ...series],
      hooks: { setCursor: [(plot) => this.tip(plot, shown, previous)], setSelect: [(plot) => this.select(plot)] },
    }, data, this);
    this.tipBox = document.createElement("div");
    this.tipBox.className = "chart-tip";
    this.tipBox.hidden = true;
    this.append(this.tipBox);
  }

  tick(seconds) {
    const date = new Date(seconds * 1000);
    const lang = LOCALE;
    const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: this.told.zone }).format(date);
    const [from, to] = this.range();
    if (UNITS[this.told.bucket] < 86400 && to - from < 4 * 86400 && clock !== "00:00") return clock;
    const wide = to - from > 400 * 86400;
    return new Intl.DateTimeFormat(lang, { day: wide ? undefined : "numeric", month: "short", year: wide ? "numeric" : undefined, timeZone: this.told.zone }).format(date);
  }

  end(index) { return index + 1 < this.count ? this.times[index + 1] : this.told.end; }

  range() {
    const [from, to] = this.#part;
    const times = this.told.times;
    const end = to + 1 < this.count ? times[to + 1] : this.told.end;
    return this.told.style === "bars" || from === to ? [times[from], end] : [times[from], times[to]];
  }

  tip(plot, shown, previous) {
    let index = plot.cursor.idx;
    if (index != null && this.told.style === "bars" && plot.cursor.left >= 0) {
      const at = plot.posToVal(plot.cursor.left, "x");
      index = this.times.findLastIndex((time) => time <= at);
    }
    if (index == null || index < 0 || plot.cursor.left < 0) { this.tipBox.hidden = true; return; }
    const unit = this.told.unit ? ` ${this.told.unit}` : "";
    const row = (name, label, value) => {
      const line = document.createElement("div");
      const swatch = document.createElement("i");
      swatch.className = `swatch ${name}`;
      const text = document.createElement("span");
      text.textContent = label;
      const number = document.createElement("b");
      number.textContent = value == null ? "–" : this.number.format(value) + unit;
      line.append(swatch, text, number);
      return line;
    };
    const head = document.createElement("b");
    head.textContent = this.words(this.times[index]);
    const ordered = [...shown].sort((a, b) => a.index - b.index);
    this.tipBox.replaceChildren(head, ...ordered.map((each) => row(`s${each.index % 11}`, each.label, each.values[index])), ...(previous ? [row("probe-grey", this.told.previous, previous[index])] : []));
    this.tipBox.hidden = false;
    const left = plot.cursor.left + plot.over.offsetLeft;
    const wide = this.tipBox.offsetWidth;
    const x = left + wide + 20 > this.clientWidth ? Math.max(0, left - wide - 12) : left + 14;
    this.tipBox.style.setProperty("--x", `${x}px`);
    this.tipBox.style.setProperty("--y", `${plot.over.offsetTop + 6}px`);
  }

  // a stretch that was drawn over with the mouse is what is shown next
  select(plot) {
    const { left, width } = plot.select;
    if (width < 8) return;
    const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    const first = this.times.findIndex((_time, i) => this.end(i) > from);
    const last = this.times.findLastIndex((time) => time < to);
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (first >= 0 && last >= first) this.show(first, last, true);
  }

  toggle(button) {
    const index = Number(button.dataset.series);
    if (this.#off.has(index)) this.#off.delete(index);
    else if (this.#off.size + 1 < this.told.series.length) this.#off.add(index);
    button.setAttribute("aria-pressed", String(!this.#off.has(index)));
    this.#redraw();
  }

  // ---- the slider

  bindOverview() {
    this.overview = this.card.querySelector(".overview"); // no id: htmx would carry its style attribute over, which the policy forbids
    this.row = this.card.querySelector("#part-row");
    [this.fromInput, this.toInput] = [this.card.querySelector("#part-from"), this.card.querySelector("#part-to")];
    if (this.count < 3) return;
    this.overview.hidden = false;
    for (const input of [this.fromInput, this.toInput]) input.max = String(this.count);
    this.fromInput.addEventListener("input", () => this.show(Math.min(Number(this.fromInput.value), this.#part[1]), this.#part[1], true));
    this.toInput.addEventListener("input", () => this.show(this.#part[0], Math.max(Number(this.toInput.value) - 1, this.#part[0]), true));
    for (const input of [this.fromInput, this.toInput]) input.addEventListener("change", (event) => event.stopPropagation());
    this.card.querySelector("#part-all").addEventListener("click", () => { this.show(0, this.count - 1, true); this.fromInput.focus(); });
    const window_ = this.overview.querySelector(".overview-window");
    let start = null;
    window_.addEventListener("pointerdown", (event) => { start = { x: event.clientX, part: [...this.#part] }; window_.setPointerCapture(event.pointerId); });
    window_.addEventListener("pointermove", (event) => {
      if (!start) return;
      const steps = Math.round(((event.clientX - start.x) / this.overview.clientWidth) * this.count);
      const move = Math.max(-start.part[0], Math.min(steps, this.count - 1 - start.part[1]));
      this.show(start.part[0] + move, start.part[1] + move, true);
    });
    for (const name of ["pointerup", "pointercancel"]) window_.addEventListener(name, () => { start = null; });
  }

  drawOverview() {
    this.#small?.destroy();
    this.#small = null;
    if (!this.overview || this.count < 3) return;
    const shown = this.drawn();
    const box = this.overview.querySelector(".overview-plot");
    const colour = colourOf(this, "probe-grey");
    const bars = this.told.style === "bars";
    const highest = shown[0].drawn.map((_value, i) => Math.max(...shown.map((each) => each.drawn[i] ?? 0)));
    const edge = bars ? [...this.times, this.told.end] : this.times;
    const data = [edge, bars ? [...highest, null] : highest];
    this.#small = new uPlot({
      width: this.overview.clientWidth || 500, height: 54, padding: [4, 0, 0, 0], legend: { show: false }, cursor: { show: false },
      scales: { x: { time: true, range: () => [this.times[0], bars ? this.told.end : this.times.at(-1)] }, y: { range: (_p, _l, high) => [0, Math.max(high ?? 0, 0.001)] } },
      axes: [{ show: false }, { show: false }],
      series: [{}, { fill: faint(colour, 0.5), stroke: bars ? undefined : colour, width: bars ? 0 : 1, points: { show: false }, paths: bars ? uPlot.paths.bars({ size: [0.9, 60], align: 1 }) : undefined }],
    }, data, box);
  }

  sizeOverview() { if (this.overview?.clientWidth) this.#small?.setSize({ width: this.overview.clientWidth, height: 54 }); }

  partOfAddress() {
    const told = new URLSearchParams(location.search);
    const find = (name, other) => {
      const time = Date.parse(told.get(name) ?? "") / 1000;
      return Number.isFinite(time) ? time : other;
    };
    const [from, to] = [find("from", null), find("to", null)];
    let first = from === null ? 0 : this.told.times.findIndex((time) => time >= from);
    let last = to === null ? this.count - 1 : this.told.times.findLastIndex((time) => time < to);
    if (first < 0) first = 0;
    if (last < first) last = this.count - 1;
    return [first, last];
  }

  show(first, last, keep) {
    this.#part = [first, last];
    const all = first === 0 && last === this.count - 1;
    this.#plot?.setScale("x", { min: this.range()[0], max: this.range()[1] });
    if (this.overview && this.count >= 3) {
      this.fromInput.value = String(first);
      this.toInput.value = String(last + 1);
      this.fromInput.setAttribute("aria-valuetext", this.words(this.times[first]));
      this.toInput.setAttribute("aria-valuetext", this.words(this.end(last) - 1));
      this.overview.style.setProperty("--from", `${(100 * first) / this.count}%`);
      this.overview.style.setProperty("--to", `${(100 * (last + 1)) / this.count}%`);
      this.row.hidden = all;
      this.card.querySelector("#part-words").textContent = all ? "" : `${this.words(this.times[first])} – ${this.words(this.end(last) - 1)}`;
      const day = (seconds) => new Intl.DateTimeFormat("sv-SE", { timeZone: this.told.zone }).format(seconds * 1000);
      this.card.querySelector("#part-closer").href = `${this.dataset.closer}&since=${day(this.times[first])}&until=${day(this.end(last) - 1)}`;
    }
    this.dataset.part = `${first}-${last}`;
    if (!keep) return;
    const address = new URL(location.href);
    const iso = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16) + "Z";
    for (const [name, value] of [["from", first ? iso(this.times[first]) : null], ["to", last < this.count - 1 ? iso(this.end(last)) : null]]) {
      if (value === null) address.searchParams.delete(name);
      else address.searchParams.set(name, value);
    }
    clearTimeout(this.later);
    this.later = setTimeout(() => history.replaceState(history.state, "", address), 150);
  }

  // ---- a picture of it

  picture() {
    const source = this.#plot.ctx.canvas;
    const ratio = source.width / this.#plot.width;
    const shown = this.told.series.filter((_series, index) => !this.#off.has(index));
    const legend = this.told.series.length > 1 ? 26 * Math.ceil(shown.length / 4) + 10 : 0;
    const canvas = document.createElement("canvas");
    canvas.width = source.width;
    canvas.height = source.height + (64 + legend) * ratio;
    const pen = canvas.getContext("2d");
    frame(pen, this, canvas, ratio, this.dataset.title, this.dataset.subtitle);
    pen.drawImage(source, 0, 64 * ratio);
    const family = getComputedStyle(document.body).fontFamily;
    shown.forEach((series, place) => {
      const [x, y] = [(20 + (place % 4) * (this.#plot.width / 4 - 6)) * ratio, source.height + (64 + 18 + Math.floor(place / 4) * 26) * ratio];
      pen.fillStyle = colourOf(this, `s${this.told.series.indexOf(series) % 11}`);
      pen.fillRect(x, y - 9 * ratio, 10 * ratio, 10 * ratio);
      pen.fillStyle = colourOf(this, "probe-full");
      pen.font = `${12 * ratio}px ${family}`;
      pen.fillText(series.label, x + 16 * ratio, y);
    });
    return canvas;
  }
});

function frame(pen, host, canvas, ratio, title, subtitle) {
  const family = getComputedStyle(document.body).fontFamily;
  pen.fillStyle = colourOf(host, "probe-card");
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = colourOf(host, "probe-full");
  pen.font = `600 ${18 * ratio}px ${family}`;
  pen.fillText(title, 20 * ratio, 30 * ratio);
  pen.fillStyle = colourOf(host, "probe-ink");
  pen.font = `${13 * ratio}px ${family}`;
  pen.fillText(subtitle, 20 * ratio, 50 * ratio);
}

function pictureOfHeat(table) {
  const ratio = 2;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [1180 * ratio, 380 * ratio];
  const pen = canvas.getContext("2d");
  const card = table.closest("#chart");
  frame(pen, card, canvas, ratio, card.querySelector("h2").textContent, card.querySelector(".chart-head p").textContent);
  const family = getComputedStyle(document.body).fontFamily;
  pen.font = `${12 * ratio}px ${family}`;
  [...table.rows].forEach((row, y) => [...row.cells].forEach((cell, x) => {
    const [left, top] = [(x === 0 ? 20 : 80 + x * 44) * ratio, (70 + y * 36) * ratio];
    const style = getComputedStyle(cell);
    if (x && y) { pen.fillStyle = style.backgroundColor; pen.fillRect(left, top, 42 * ratio, 34 * ratio); }
    pen.fillStyle = style.color;
    pen.textAlign = x ? "center" : "start";
    pen.fillText(cell.textContent, left + (x ? 21 * ratio : 0), top + 22 * ratio);
  }));
  return canvas;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("#chart-picture");
  if (!button) return;
  const chart = document.querySelector("usage-chart");
  const heat = document.getElementById("heat");
  const canvas = chart ? chart.picture() : heat ? pictureOfHeat(heat) : null;
  canvas?.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${button.dataset.name}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
});

function ready() {
  const button = document.getElementById("chart-picture");
  if (button) button.hidden = !document.querySelector("usage-chart, #heat");
  const picked = document.querySelectorAll("#station-picks input:checked").length;
  const count = document.getElementById("only-count");
  if (count) { count.dataset.all ??= picked ? "" : count.textContent; if (picked) count.textContent = String(picked); else if (count.dataset.all) count.textContent = count.dataset.all; }
}
ready();
document.addEventListener("htmx:afterSettle", ready);

// the address keeps only what says something
document.addEventListener("htmx:configRequest", (event) => {
  if (event.target.id !== "chart-form") return;
  const told = event.detail.parameters;
  for (const name of Object.keys(told)) if (told[name] === "" || (told.span !== "own" && (name === "since" || name === "until"))) delete told[name];
});
