// Plans of floors: stations are put in their places by mouse, touch and keys. And a map of sites that asks nobody.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const within = (value, least, most) => Math.min(most, Math.max(least, value));

// ---- plans

const plan = document.querySelector(".plan[data-save]");

if (plan) {
  const said = document.getElementById("plan-said");
  let held = null; // { spot, box, moved }
  let waiting = 0;
  const placed = new Map(); // box's id → where it was put a moment ago: what was on its way before that is older

  const put = (box, x, y) => {
    box.setAttribute("x", `${within(x, 0, 100).toFixed(2)}%`);
    box.setAttribute("y", `${within(y, 0, 100).toFixed(2)}%`);
  };

  const remind = () => {
    for (const [id, { x, y, until }] of placed) {
      const box = document.getElementById(id);
      if (!box || Date.now() > until) placed.delete(id);
      else if (!box.hasAttribute("data-keep") && (parseFloat(box.getAttribute("x")) !== x || parseFloat(box.getAttribute("y")) !== y)) put(box, x, y);
    }
  };
  new MutationObserver(remind).observe(plan, { subtree: true, childList: true, attributeFilter: ["x", "y"] });

  const save = async (spot, box) => {
    const [x, y] = [parseFloat(box.getAttribute("x")), parseFloat(box.getAttribute("y"))];
    placed.set(box.id, { x, y, until: Date.now() + 5000 });
    const station = spot.dataset.station;
    const answer = await fetch(plan.dataset.save, { method: "POST", headers: { accept: "application/json" }, body: new URLSearchParams({ station, x, y }) }).catch(() => null);
    if (!answer?.ok) placed.delete(box.id);
    said.textContent = answer?.ok ? plan.dataset.saved.replace("{name}", spot.dataset.name) : (await answer?.text()) || plan.dataset.failed;
    for (const [name, value] of [["x", x], ["y", y]]) {
      const field = document.getElementById(`${name}-${station}`);
      if (field) field.value = value.toFixed(1);
    }
  };

  plan.addEventListener("pointerdown", (event) => {
    const spot = event.target.closest(".spot");
    if (!spot || event.button !== 0) return;
    event.preventDefault();
    spot.focus();
    spot.classList.add("held");
    spot.parentNode.setAttribute("data-keep", ""); // what comes live meanwhile leaves it alone
    plan.setPointerCapture(event.pointerId);
    held = { spot, box: spot.parentNode, moved: false };
  });

  plan.addEventListener("pointermove", (event) => {
    if (!held) return;
    const area = plan.getBoundingClientRect();
    held.moved = true;
    put(held.box, ((event.clientX - area.left) / area.width) * 100, ((event.clientY - area.top) / area.height) * 100);
  });

  const drop = () => {
    if (!held) return;
    const { spot, box, moved } = held;
    held = null;
    spot.classList.remove("held");
    box.removeAttribute("data-keep");
    if (moved) save(spot, box);
  };
  plan.addEventListener("pointerup", drop);
  plan.addEventListener("pointercancel", drop);

  plan.addEventListener("keydown", (event) => {
    const spot = event.target.closest(".spot");
    const step = STEPS[event.key];
    if (!spot || !step) return;
    event.preventDefault();
    const box = spot.parentNode;
    const size = event.shiftKey ? 5 : 1;
    box.setAttribute("data-keep", "");
    put(box, parseFloat(box.getAttribute("x")) + step[0] * size, parseFloat(box.getAttribute("y")) + step[1] * size);
    clearTimeout(waiting);
    waiting = setTimeout(() => { box.removeAttribute("data-keep"); save(spot, box); }, 500);
  });
}

// ---- addresses that were found: one is taken by mouse, finger or keys, and the pin is where it is

document.addEventListener("click", (event) => {
  const taken = event.target.closest(".addresses button[name=take]");
  if (!taken) return;
  event.preventDefault();
  const list = taken.closest(".addresses");
  taken.value.split(",").forEach((value, n) => {
    const field = document.querySelector(`#place-form input[name=${["latitude", "longitude"][n]}]`);
    field.value = value;
    if (n) field.dispatchEvent(new Event("change", { bubbles: true }));
  });
  for (const button of list.querySelectorAll("button")) button.toggleAttribute("aria-current", button === taken);
  list.parentNode.querySelector("[role=status]").textContent = list.dataset.said;
});

document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const list = step && event.target.closest(".addresses");
  if (!list) return;
  event.preventDefault();
  const buttons = [...list.querySelectorAll("button")];
  buttons[within(buttons.indexOf(event.target) + step, 0, buttons.length - 1)].focus();
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "addresses") event.target.querySelector(".addresses button")?.focus();
});

// ---- the map: meridians and parallels, and the sites between them

class SiteMap extends HTMLElement {
  #world = document.createElementNS(SVG, "svg");
  #middle = [10, 50];
  #scale = 8; // pixels a degree of latitude
  #from = null;
  #sought = "";

  connectedCallback() {
    this.sites = JSON.parse(this.dataset.sites);
    this.at = this.dataset.at ? this.dataset.at.split(",").map(Number) : null;
    this.#world.setAttribute("class", "world");
    this.#world.setAttribute("tabindex", "0");
    this.#world.setAttribute("role", "application");
    this.#world.setAttribute("aria-label", this.dataset.label);
    const tools = document.createElement("div");
    tools.className = "map-tools";
    this.append(tools, this.#world);
    const buttons = [[this.dataset.in, () => this.zoom(2), "+"], [this.dataset.out, () => this.zoom(0.5), "\u2212"], [this.dataset.all, () => this.fit()]];
    if (this.hasAttribute("data-picks")) buttons.push([this.dataset.pick, () => this.pick(this.#middle)]);
    for (const [label, work, sign] of buttons) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = sign ?? label;
      if (sign) { button.title = label; button.setAttribute("aria-label", label); button.className = "sign"; }
      button.addEventListener("click", work);
      tools.append(button);
    }
    if (this.dataset.search) tools.prepend(this.search());
    this.#world.addEventListener("pointerdown", (e) => this.press(e));
    this.#world.addEventListener("pointermove", (e) => this.drag(e));
    this.#world.addEventListener("pointerup", (e) => this.release(e));
    this.#world.addEventListener("wheel", (e) => { e.preventDefault(); this.zoom(e.deltaY < 0 ? 1.3 : 1 / 1.3); }, { passive: false });
    this.#world.addEventListener("keydown", (e) => this.key(e));
    for (const field of this.fields()) field?.addEventListener("change", () => this.typed());
    new ResizeObserver(() => this.draw()).observe(this);
    this.fit();
  }

  // What is known here is found here: nobody else is asked.
  search() {
    const [box, field, said] = ["div", "input", "output"].map((name) => document.createElement(name));
    box.className = "map-search";
    field.type = "search";
    field.placeholder = this.dataset.search;
    field.setAttribute("aria-label", this.dataset.search);
    field.autocomplete = "off";
    const found = () => this.sites.filter((site) => this.meant(site));
    field.addEventListener("input", () => {
      this.#sought = field.value.trim().toLowerCase();
      const names = this.#sought ? found().map((site) => site.name) : [];
      said.textContent = !this.#sought ? "" : names.length ? names.slice(0, 4).join(" · ") + (names.length > 4 ? " …" : "") : this.dataset.none;
      this.fit(names.length ? found() : this.sites);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (this.#sought && found().length === 1) location.assign(found()[0].href);
    });
    box.append(field, said);
    return box;
  }

  meant(site) { return !this.#sought || site.words.includes(this.#sought); }

  fields() { return ["longitude", "latitude"].map((name) => document.querySelector(`#place-form input[name=${name}]`)); }

  get wide() { return this.#world.clientWidth; }

  get high() { return this.#world.clientHeight; }

  get squeeze() { return Math.max(0.2, Math.cos((this.#middle[1] * Math.PI) / 180)); }

  project([east, north]) {
    return [this.wide / 2 + (east - this.#middle[0]) * this.#scale * this.squeeze, this.high / 2 - (north - this.#middle[1]) * this.#scale];
  }

  unproject(x, y) {
    return [this.#middle[0] + (x - this.wide / 2) / this.#scale / this.squeeze, this.#middle[1] - (y - this.high / 2) / this.#scale];
  }

  fit(sites = this.sites) {
    const points = [...sites.map((site) => site.at), ...(this.at && sites === this.sites ? [this.at] : [])];
    if (points.length) {
      const [easts, norths] = [points.map((p) => p[0]), points.map((p) => p[1])];
      const [west, east, south, north] = [Math.min(...easts), Math.max(...easts), Math.min(...norths), Math.max(...norths)];
      this.#middle = [(west + east) / 2, (south + north) / 2];
      this.#scale = within(0.7 * Math.min(this.high / Math.max(north - south, 0.05), this.wide / Math.max((east - west) * this.squeeze, 0.05)), 2, 4000);
    }
    this.draw();
  }

  zoom(factor) { this.#scale = within(this.#scale * factor, 1.5, 200000); this.draw(); }

  press(event) {
    if (event.target.closest("a")) return;
    this.#from = { x: event.clientX, y: event.clientY, middle: [...this.#middle], moved: false };
    this.#world.setPointerCapture(event.pointerId);
  }

  drag(event) {
    if (!this.#from) return;
    const [x, y] = [event.clientX - this.#from.x, event.clientY - this.#from.y];
    if (Math.hypot(x, y) > 4) this.#from.moved = true;
    if (!this.#from.moved) return;
    this.#middle = [this.#from.middle[0] - x / this.#scale / this.squeeze, within(this.#from.middle[1] + y / this.#scale, -85, 85)];
    this.draw();
  }

  release(event) {
    const area = this.#world.getBoundingClientRect();
    if (this.#from && !this.#from.moved && this.hasAttribute("data-picks")) this.pick(this.unproject(event.clientX - area.left, event.clientY - area.top));
    this.#from = null;
  }

  key(event) {
    const step = STEPS[event.key];
    if (step) this.#middle = [this.#middle[0] + (step[0] * 40) / this.#scale / this.squeeze, within(this.#middle[1] - (step[1] * 40) / this.#scale, -85, 85)];
    else if (event.key === "+" || event.key === "-") this.#scale = within(this.#scale * (event.key === "+" ? 1.5 : 1 / 1.5), 1.5, 200000);
    else return;
    event.preventDefault();
    this.draw();
  }

  pick([east, north]) {
    this.at = [within(east, -180, 180), within(north, -90, 90)];
    const fields = this.fields();
    fields.forEach((field, n) => { if (field) field.value = this.at[n].toFixed(5); });
    this.draw();
  }

  typed() {
    const values = this.fields().map((field) => parseFloat((field?.value ?? "").replace(",", ".")));
    if (values.some(Number.isNaN)) return;
    this.at = values;
    this.#middle = [...values];
    this.#scale = Math.max(this.#scale, 2000);
    this.draw();
  }

  part(name, attributes, parent = this.#world) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  }

  draw() {
    const { wide, high } = this;
    this.#world.replaceChildren();
    const step = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001].find((s) => s * this.#scale < 130) ?? 0.001;
    const digits = step < 1 ? Math.ceil(-Math.log10(step)) : 0;
    const every = step * this.#scale < 70 ? 2 : 1; // a degree needs that much room for its words
    const [[west, north], [east, south]] = [this.unproject(0, 0), this.unproject(wide, high)];
    for (let degree = Math.ceil(Math.max(west, -180) / step) * step; degree <= Math.min(east, 180); degree += step) {
      const x = this.project([degree, 0])[0];
      this.part("line", { class: Math.abs(degree) < step / 2 ? "grid main" : "grid", x1: x, x2: x, y1: 0, y2: high });
      if (Math.round(degree / step) % every === 0) this.part("text", { x: x + 4, y: high - 6 }).textContent = `${Math.abs(degree).toFixed(digits)}° ${degree < 0 ? "W" : "E"}`;
    }
    for (let degree = Math.ceil(Math.max(south, -90) / step) * step; degree <= Math.min(north, 90); degree += step) {
      const y = this.project([0, degree])[1];
      this.part("line", { class: Math.abs(degree) < step / 2 ? "grid main" : "grid", x1: 0, x2: wide, y1: y, y2: y });
      this.part("text", { x: 6, y: y - 4 }).textContent = `${Math.abs(degree).toFixed(digits)}° ${degree < 0 ? "S" : "N"}`;
    }
    for (const site of this.sites) {
      const [x, y] = this.project(site.at);
      const link = this.part("a", { href: site.href, "aria-label": site.name, class: this.meant(site) ? "found" : "other" });
      this.part("circle", { class: "site", cx: x, cy: y, r: 8 }, link);
      const name = this.part("text", { x: x + 12, y: y + 5 }, link);
      name.textContent = site.name;
      const long = name.getComputedTextLength();
      if (x + 16 + long <= wide || x < 0 || x > wide) continue;
      const fitsLeft = x - 16 >= long; // else above it
      name.setAttribute("text-anchor", fitsLeft ? "end" : "middle");
      name.setAttribute("x", fitsLeft ? x - 12 : within(x, long / 2 + 4, wide - long / 2 - 4));
      if (!fitsLeft) name.setAttribute("y", y - 14);
    }
    if (this.at) {
      const [x, y] = this.project(this.at);
      this.part("path", { class: "here-mark", d: `M${x} ${y}c-5-8-9-11-9-16a9 9 0 0 1 18 0c0 5-4 8-9 16z` });
    }
  }
}
customElements.define("site-map", SiteMap);
