// <session-chart src="…json">: a chart for each quantity, one above the other, with one cursor and one zoom for all.
// Drag, the buttons or the keys zoom; while the session is under way new moments are added.
"use strict";

customElements.define("session-chart", class extends HTMLElement {
  #plots = [];
  #charts = [];
  #observer = null;
  #scheme = matchMedia("(prefers-color-scheme: dark)");
  #redraw = () => this.draw();
  #point = (event) => this.add(event.detail);

  async connectedCallback() {
    let answer = null;
    try { answer = await fetch(this.getAttribute("src")); } catch { /* told below */ }
    if (!this.isConnected) return;
    const loading = this.querySelector("[data-loading]");
    if (!answer?.ok) { if (loading) loading.textContent = this.dataset.failed; return; }
    loading?.remove();
    this.#charts = await answer.json();
    this.tools = this.closest("section").querySelector(".chart-tools");
    this.tools.hidden = false;
    this.tools.addEventListener("click", (event) => this.zoom(event.target.closest("button")?.dataset.zoom));
    this.draw();
    this.#observer = new ResizeObserver(() => { for (const plot of this.#plots) plot.setSize({ width: this.clientWidth, height: plot.height }); });
    this.#observer.observe(this);
    this.#scheme.addEventListener("change", this.#redraw);
    document.addEventListener("chart-point", this.#point);
    this.dataset.ready = "1";
  }

  disconnectedCallback() {
    this.#observer?.disconnect();
    this.#scheme.removeEventListener("change", this.#redraw);
    document.removeEventListener("chart-point", this.#point);
    for (const plot of this.#plots) plot.destroy();
  }

  // canvas knows no light-dark(): let an element resolve the colour first
  colour(name) {
    const probe = document.createElement("i");
    probe.className = `probe-${name}`;
    this.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  draw() {
    for (const plot of this.#plots) plot.destroy();
    this.replaceChildren();
    const range = this.range;
    this.#plots = this.#charts.map((chart, index) => this.one(chart, index));
    if (range) this.show(range);
  }

  one(chart, index) {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.textContent = chart.title;
    figure.append(caption);
    figure.tabIndex = 0;
    figure.setAttribute("role", "img");
    figure.setAttribute("aria-label", `${chart.title}. ${this.dataset.help}`);
    figure.addEventListener("keydown", (event) => this.key(event));
    this.append(figure);
    const [ink, line, ...colours] = ["ink", "line", "blue", "green", "amber", "red", "grey"].map((name) => this.colour(name));
    const first = { power: 0, energy: 1, soc: 2, temperature: 3 }[chart.key] ?? 0;
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const zone = this.dataset.zone || "UTC";
    const number = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 2 });
    const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone });
    const moment = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: zone });
    const floor = chart.key === "voltage" || chart.key === "temperature" ? null : 0;
    return new uPlot({
      width: this.clientWidth || 600,
      height: index === 0 ? 240 : 170,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
      cursor: { sync: { key: "session", scales: ["x", null] }, drag: { x: true, y: false, setScale: true }, points: { size: 7 } },
      scales: { y: { range: (_plot, low, high) => this.limits(low, high, floor) } },
      axes: [
        { ...axis, values: (_plot, ticks) => ticks.map((tick) => clock.format(tick * 1000)) },
        { ...axis, size: 54, values: (_plot, ticks) => ticks.map((tick) => number.format(tick)) },
      ],
      series: [
        { label: "", value: (_plot, tick) => (tick == null ? "–" : moment.format(tick * 1000)) },
        ...chart.lines.map((each, at) => {
          const stroke = colours[(first + at) % colours.length];
          const fill = chart.lines.length === 1 ? stroke.replace(/^rgb\((.*)\)$/, "rgba($1, 0.12)") : undefined;
          return { label: each.label, stroke, fill, width: 2, dash: at > 2 ? [5, 4] : undefined, points: { show: chart.time.length < 3 }, spanGaps: true, value: (_plot, value) => (value == null ? "–" : `${number.format(value)} ${chart.unit}`) };
        }),
      ],
      hooks: { setScale: [(plot, key) => { if (key === "x") this.follow(plot); }] },
    }, [chart.time, ...chart.lines.map((each) => each.values)], figure);
  }

  limits(low, high, floor) {
    if (low == null) return [0, 1];
    const room = Math.max(0.5, (high - (floor ?? low)) * 0.1);
    return [floor ?? low - room, high + room];
  }

  // ---- zoom: the same for all

  get range() {
    const scale = this.#plots[0]?.scales.x;
    return scale && scale.min != null && !this.whole ? [scale.min, scale.max] : null;
  }

  get all() {
    const ends = this.#charts.flatMap((chart) => (chart.time.length ? [chart.time[0], chart.time.at(-1)] : []));
    return [Math.min(...ends), Math.max(...ends)];
  }

  whole = true;
  busy = false;

  follow(plot) {
    if (this.busy || plot.scales.x.min == null || this.#plots.length === 0) return;
    const [first, last] = this.all;
    this.whole = plot.scales.x.min <= first && plot.scales.x.max >= last;
    this.show([plot.scales.x.min, plot.scales.x.max], plot);
  }

  show([min, max], but = null) {
    this.busy = true;
    for (const plot of this.#plots) if (plot !== but) plot.setScale("x", { min, max });
    this.busy = false;
    this.dataset.from = String(Math.round(min));
    this.dataset.to = String(Math.round(max));
  }

  zoom(how, shift = 0) {
    if (!how || !this.#plots.length) return;
    const [first, last] = this.all;
    const { min, max } = this.#plots[0].scales.x;
    const half = ((max - min) / 2) * ({ in: 0.5, out: 2 }[how] ?? 1);
    const middle = (min + max) / 2 + shift * (max - min);
    let range = how === "all" ? [first, last] : [middle - half, middle + half];
    if (range[1] - range[0] >= last - first) range = [first, last];
    else if (range[0] < first) range = [first, first + 2 * half];
    else if (range[1] > last) range = [last - 2 * half, last];
    this.whole = range[0] <= first && range[1] >= last;
    this.show(range);
  }

  key(event) {
    const what = { "+": ["in"], "=": ["in"], "-": ["out"], 0: ["all"], Escape: ["all"], ArrowLeft: ["move", -0.2], ArrowRight: ["move", 0.2] }[event.key];
    if (!what || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.zoom(...what);
  }

  // ---- live

  add({ time, power, energy }) {
    const values = { power, energy };
    for (const [index, chart] of this.#charts.entries()) {
      if (!(chart.key in values) || (chart.time.length && time <= chart.time.at(-1))) continue;
      chart.time.push(time);
      for (const [at, line] of chart.lines.entries()) line.values.push(at === 0 ? values[chart.key] : null);
      this.#plots[index].setData([chart.time, ...chart.lines.map((line) => line.values)], this.whole);
      if (!this.whole) this.#plots[index].redraw();
      this.dataset.points = String(chart.time.length);
    }
  }
});
