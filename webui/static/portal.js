// The portal's own script: live parts, questions before destructive actions, copying, small comforts.
// Every page works without it, by forms and page loads.
"use strict";

const root = document.documentElement;

// ---- the reader's zone, for the server's next answer

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
document.cookie = `zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax`;

// ---- the present tab is in sight, on a telephone too

for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
  const bar = tab.closest(".tabs");
  bar.scrollLeft = tab.offsetLeft - bar.offsetLeft - (bar.clientWidth - tab.clientWidth) / 2;
}

// ---- many filters are folded away on a telephone (by the style sheet); how many of them narrow the list stands on the button

for (const box of document.querySelectorAll(".filters")) {
  const [first, ...others] = [...box.children].filter((each) => each.matches(".search, .field, .check, .ticks, .more-filters"));
  if (!box.closest("[role=search]") || others.length < 3) continue;
  const fold = document.createElement("button");
  const count = document.createElement("b");
  fold.type = "button";
  fold.className = "filter-fold";
  fold.append(document.getElementById("toasts").dataset.filters, count);
  fold.setAttribute("aria-expanded", "false");
  fold.addEventListener("click", () => fold.setAttribute("aria-expanded", String(fold.getAttribute("aria-expanded") !== "true")));
  const tell = () => {
    const fields = others.flatMap((each) => [...each.querySelectorAll("input, select")]);
    const used = fields.filter((each) => !["size", "order", "sort"].includes(each.name) && (each.type === "checkbox" ? each.checked : each.value));
    count.textContent = used.length || "";
  };
  box.addEventListener("input", tell);
  box.classList.add("foldable");
  first.after(fold);
  tell();
}

// ---- morphing: what the reader is doing stays as it is

const careful = {
  morphStyle: "outerHTML",
  ignoreActiveValue: true,
  callbacks: {
    beforeNodeMorphed(before, after) {
      if (!(before instanceof Element)) return true;
      if (before.hasAttribute("data-keep")) return false;
      // what was typed or chosen belongs to the reader; only whether it may be used is the server's
      if (before.matches("input, textarea, select")) {
        if (before instanceof HTMLSelectElement && after instanceof HTMLSelectElement && before !== document.activeElement && before.innerHTML !== after.innerHTML) return true;
        before.disabled = after.disabled;
        return false;
      }
      return true;
    },
    beforeAttributeUpdated(name, node) {
      if (name === "tabindex" && node.closest("#tree-body")) return false; // where its arrows are
      return !(name === "open" && node instanceof HTMLDetailsElement);
    },
  },
};

function morph(html) {
  const box = document.createElement("template");
  box.innerHTML = html;
  steadily(() => {
    for (const part of [...box.content.children]) {
      const target = part.id && document.getElementById(part.id);
      if (target) Idiomorph.morph(target, part, careful);
    }
  });
  tellAges();
}

// ---- the row that is read stays where it is when rows come above it. (Browsers do that by themselves, but not inside of a
// box that scrolls sideways, as tables are in.)

const BAR_PX = 64; // of the page's top, which stays in sight

function rowInHand() {
  const selected = getSelection();
  const inHand = [document.activeElement, selected.isCollapsed ? null : selected.anchorNode?.parentElement];
  if (scrollY > 0) for (const y of [BAR_PX, BAR_PX + 60]) inHand.push(document.elementFromPoint(innerWidth * 0.6, y));
  for (const each of inHand) {
    const row = each?.closest?.("main tbody tr, main .rows > li");
    const place = row?.getBoundingClientRect();
    if (place && place.bottom > BAR_PX && place.top < innerHeight) return row;
  }
  return null;
}

function steadily(change) {
  const row = rowInHand();
  const before = row?.getBoundingClientRect().top;
  change();
  if (!row?.isConnected) return;
  const moved = row.getBoundingClientRect().top - before;
  if (Math.abs(moved) > 1) scrollBy({ top: moved, behavior: "instant" });
}

// ---- live parts: one stream per tab, paused while the tab is hidden. While it cannot be had, what must not be missed
// (elements with hx-trigger="stream-down from:body") is asked for now and then.

const DOWN_MS = 60000;

const lamp = document.getElementById("lamp");

function light(state) {
  if (!lamp || lamp.dataset.state === state) return;
  lamp.dataset.state = state;
  lamp.textContent = lamp.dataset[state] ?? "";
}

class LiveStream extends HTMLElement {
  static observedAttributes = ["src"];
  #source = null;
  #timer = 0;
  #wait = 1000;
  #hidden = 0;
  #down = 0;
  #visibility = () => {
    clearTimeout(this.#hidden);
    if (document.hidden) this.#hidden = setTimeout(() => { this.close(); this.rest(); light("idle"); }, 5000);
    else if (!this.#source) this.open();
  };

  connectedCallback() {
    document.addEventListener("visibilitychange", this.#visibility);
    this.open();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#visibility);
    this.close();
    this.rest();
  }

  attributeChangedCallback(name, before) {
    if (before !== null && this.isConnected) this.open();
  }

  close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  rest() {
    clearInterval(this.#down);
    this.#down = 0;
  }

  open() {
    this.close();
    const source = new EventSource(this.getAttribute("src"));
    this.#source = source;
    source.onopen = () => { this.#wait = 1000; this.rest(); askAgain(); };
    source.onmessage = (event) => { morph(event.data); document.dispatchEvent(new CustomEvent("fleet")); };
    source.onerror = () => {
      light("down");
      this.#down ||= setInterval(() => document.body.dispatchEvent(new CustomEvent("stream-down")), DOWN_MS);
      if (source.readyState !== EventSource.CLOSED) return; // it tries again by itself
      this.#timer = setTimeout(() => this.open(), this.#wait);
      this.#wait = Math.min(this.#wait * 2, 15000);
    };
    source.addEventListener("lamp", (event) => light(event.data));
    source.addEventListener("gone", (event) => document.getElementById(event.data)?.remove());
    source.addEventListener("log", (event) => addLog(event.data));
    source.addEventListener("point", (event) => document.dispatchEvent(new CustomEvent("chart-point", { detail: JSON.parse(event.data) })));
    source.addEventListener("goto", (event) => { location.href = event.data; });
    source.addEventListener("signin", () => { location.href = `/signin?next=${encodeURIComponent(location.pathname + location.search)}`; });
  }
}
customElements.define("live-stream", LiveStream);

// ---- what the portal could not be asked is told, and asked again when it answers

let unasked = null;

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    light("down");
    if (event.detail.requestConfig?.verb === "get") unasked = event.detail.elt;
    const toasts = document.getElementById("toasts");
    if (toasts.querySelector(".unasked")) return;
    const told = document.createElement("p");
    told.className = "notice bad toast unasked";
    told.textContent = toasts.dataset.away;
    toasts.prepend(told);
  });
}

function askAgain() {
  document.querySelector(".toast.unasked")?.remove();
  if (unasked?.isConnected) htmx.trigger(unasked, unasked.matches("form") ? "submit" : "change");
  unasked = null;
}

// ---- message log: newest on top, with a pause

const MOST_ROWS = 500;
let held = null; // rows that came while paused

function addLog(html) {
  if (held !== null) { held.unshift(html); held.length = Math.min(held.length, MOST_ROWS); return; }
  const rows = document.getElementById("log-rows");
  if (!rows) return;
  const box = document.createElement("template");
  box.innerHTML = html;
  for (const row of [...box.content.querySelectorAll("tr")]) {
    if (document.getElementById(row.id)) row.remove();
    else row.classList.add("fresh");
  }
  steadily(() => rows.prepend(box.content));
  while (rows.children.length > MOST_ROWS) rows.lastElementChild.remove();
  const empty = document.getElementById("log-empty");
  if (empty) empty.hidden = rows.children.length > 0;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("#log-pause");
  if (!button) return;
  const pausing = held === null;
  const kept = held;
  held = pausing ? [] : null;
  if (kept) for (const html of kept.reverse()) addLog(html);
  button.setAttribute("aria-pressed", String(pausing));
  button.querySelector("span").textContent = pausing ? button.dataset.resume : button.dataset.pause;
});

// a call and its answer have the same message id: point at one, see both
for (const [name, on] of [["mouseover", true], ["mouseout", false], ["focusin", true], ["focusout", false]]) {
  document.addEventListener(name, (event) => {
    const id = event.target.closest?.("tr[data-message-id]")?.dataset.messageId;
    if (!id) return;
    for (const row of document.querySelectorAll(`tr[data-message-id="${CSS.escape(id)}"]`)) row.classList.toggle("twin", on);
  });
}

// ---- a question before what cannot be undone

const dialog = document.getElementById("confirm");

document.addEventListener("submit", (event) => {
  const form = event.target;
  const question = event.submitter?.dataset.confirm ?? form.dataset.confirm;
  if (!question || form.dataset.sure === "1") { delete form.dataset.sure; return; }
  event.preventDefault();
  event.stopImmediatePropagation();
  dialog.querySelector("#confirm-text").textContent = question;
  dialog.returnValue = "no";
  dialog.showModal();
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "yes") return;
    form.dataset.sure = "1";
    form.requestSubmit(event.submitter ?? undefined);
  }, { once: true });
}, true);

// ---- copying, finding in a table, closing menus, ages that grow, retrying

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) {
    await copy(button.dataset.copy);
    button.classList.add("done");
    const label = button.querySelector("span");
    const before = label?.textContent;
    if (label) label.textContent = button.dataset.done;
    setTimeout(() => { button.classList.remove("done"); if (label) label.textContent = before; }, 1600);
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea"); // plain http in a local network has no clipboard
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

// arrows go through a menu that is open, and open one

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu");
  if (!menu || !event.target.matches("summary, a, button") || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  event.preventDefault();
  menu.open = true;
  const lines = [...menu.querySelectorAll(".menu-body :is(a, button, input, select)")].filter((each) => each.checkVisibility() && !each.disabled);
  const at = lines.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1);
  if (event.target.matches("summary") && event.key === "ArrowUp") lines.at(-1)?.focus();
  else if (at < 0) menu.querySelector("summary").focus();
  else lines[Math.min(at, lines.length - 1)]?.focus();
});

document.addEventListener("focusout", (event) => {
  const menu = event.target.closest?.("details.menu[open]");
  if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const menu of document.querySelectorAll("details.menu[open]")) { menu.open = false; menu.querySelector("summary").focus(); }
  if (event.key === "/" && !event.target.matches("input, textarea, select")) {
    const field = document.querySelector(".filters input[type=search]");
    if (field) { event.preventDefault(); field.focus(); }
  }
});

document.addEventListener("input", (event) => {
  const selector = event.target.dataset?.filter;
  if (!selector) return;
  const wanted = event.target.value.trim().toLowerCase();
  for (const row of document.querySelectorAll(selector)) row.hidden = !row.textContent.toLowerCase().includes(wanted);
});

const spoken = new Intl.RelativeTimeFormat(root.lang || "en", { numeric: "always" });

function tellAges() {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
    const size = Math.abs(seconds);
    if (size < 45) continue; // the server's words are fresh enough
    const [unit, length] = size < 5400 ? ["minute", 60] : size < 129600 ? ["hour", 3600] : ["day", 86400];
    const words = spoken.format(Math.round(seconds / length), unit);
    if (time.textContent !== words) time.textContent = words;
  }
}
setInterval(tellAges, 20000);

const pauseButton = document.getElementById("log-pause");
if (pauseButton) pauseButton.hidden = false;
document.addEventListener("htmx:afterSettle", (event) => {
  if (!event.target.querySelector?.("#log-rows")) return; // other parts of the page come by themselves now and then
  const button = document.getElementById("log-pause");
  if (button) button.hidden = false;
  held = null;
});

const retry = document.querySelector("[data-retry]");
if (retry) {
  const again = async () => {
    try {
      if ((await fetch(location.href, { headers: { accept: "text/html" } })).status !== 503) return location.reload();
    } catch { /* not even the portal answers; go on trying */ }
    setTimeout(again, Number(retry.dataset.retry) * 1000);
  };
  setTimeout(again, Number(retry.dataset.retry) * 1000);
}
