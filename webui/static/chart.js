// <power-chart src="…json">: power as an area, energy as a line, live while the session is under way.
"use strict";

customElements.define("power-chart", class extends HTMLElement {
  #plot = null;
  #data = [[], [], []];
  #observer = null;
  #scheme = matchMedia("(prefers-color-scheme: dark)");
  #redraw = () => this.draw();
  #point = (event) => this.add(event.detail);

  async connectedCallback() {
    const answer = await fetch(this.getAttribute("src"));
    if (!answer.ok || !this.isConnected) return;
    const { time, power, energy } = await answer.json();
    this.#data = [time, power, energy];
    this.draw();
    this.#observer = new ResizeObserver(() => this.#plot?.setSize({ width: this.clientWidth, height: this.height() }));
    this.#observer.observe(this);
    this.#scheme.addEventListener("change", this.#redraw);
    document.addEventListener("chart-point", this.#point);
    this.dataset.ready = "1";
  }

  disconnectedCallback() {
    this.#observer?.disconnect();
    this.#scheme.removeEventListener("change", this.#redraw);
    document.removeEventListener("chart-point", this.#point);
    this.#plot?.destroy();
  }

  height() { return this.clientWidth < 560 ? 240 : 320; }

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
    this.#plot?.destroy();
    const [ink, line, blue, green] = ["ink", "line", "blue", "green"].map((name) => this.colour(name));
    const faint = blue.replace(/^rgb\((.*)\)$/, "rgba($1, 0.14)");
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const zone = this.dataset.zone || "UTC";
    const number = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 2 });
    const show = (_plot, value) => (value == null ? "–" : number.format(value));
    this.#plot = new uPlot({
      width: this.clientWidth || 600,
      height: this.height(),
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
      cursor: { points: { size: 7 } },
      scales: { kW: { range: (_p, _low, high) => [0, Math.max(1, high * 1.1)] }, kWh: { range: (_p, _low, high) => [0, Math.max(0.1, high * 1.1)] } },
      axes: [
        { ...axis, values: (_p, ticks) => ticks.map((t) => new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone }).format(t * 1000)) },
        { ...axis, scale: "kW", size: 46, values: (_p, ticks) => ticks.map((t) => number.format(t)) },
        { ...axis, scale: "kWh", side: 1, size: 46, grid: { show: false }, values: (_p, ticks) => ticks.map((t) => number.format(t)) },
      ],
      series: [
        { value: (_p, t) => (t == null ? "–" : new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: zone }).format(t * 1000)) },
        { label: this.dataset.power, scale: "kW", stroke: blue, fill: faint, width: 2, points: { show: false }, value: show },
        { label: this.dataset.energy, scale: "kWh", stroke: green, width: 2, dash: [6, 4], points: { show: false }, value: show },
      ],
    }, this.#data, this);
  }

  add({ time, power, energy }) {
    const times = this.#data[0];
    if (times.length && time <= times.at(-1)) return;
    for (const [index, value] of [time, power, energy].entries()) this.#data[index].push(value);
    this.#plot?.setData(this.#data);
    this.dataset.points = String(times.length);
  }
});
