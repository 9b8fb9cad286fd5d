// Lists of stations: ticking rows, and views that are saved in this browser.
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

// ---- saved views: names for addresses, kept in this browser

class SavedViews extends HTMLElement {
  connectedCallback() {
    if (this.firstChild) return;
    const menu = document.createElement("details");
    menu.className = "menu views-menu";
    const summary = document.createElement("summary");
    summary.textContent = this.dataset.title;
    const body = document.createElement("div");
    body.className = "menu-body";
    menu.append(summary, body);
    this.append(menu);
    this.draw(body);
  }

  get key() { return `views-${this.dataset.place}`; }

  read() {
    try { return JSON.parse(localStorage.getItem(this.key)) ?? []; } catch { return []; }
  }

  keep(views, body) {
    try { localStorage.setItem(this.key, JSON.stringify(views)); } catch { /* a private window: for this page only */ }
    this.draw(body);
  }

  draw(body) {
    const views = this.read();
    const list = document.createElement("ul");
    views.forEach((view, index) => {
      const line = document.createElement("li");
      const link = document.createElement("a");
      link.href = location.pathname + view.search;
      link.textContent = view.name;
      const remove = document.createElement("button");
      remove.type = "button";
      remove.className = "quiet";
      remove.textContent = "×";
      remove.setAttribute("aria-label", `${this.dataset.remove} ${view.name}`);
      remove.addEventListener("click", (event) => { event.stopPropagation(); this.keep(views.toSpliced(index, 1), body); });
      line.append(link, remove);
      list.append(line);
    });
    const empty = document.createElement("p");
    empty.className = "hint";
    empty.textContent = this.dataset.none;
    const save = document.createElement("div");
    save.className = "views-save";
    const name = document.createElement("input");
    name.setAttribute("aria-label", this.dataset.name);
    name.placeholder = this.dataset.name;
    name.maxLength = 60;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = this.dataset.save;
    const add = (event) => {
      event.preventDefault();
      event.stopPropagation();
      const search = new URLSearchParams(location.search);
      search.delete("after");
      if (name.value.trim()) this.keep([...views, { name: name.value.trim(), search: `?${search}` }], body);
    };
    button.addEventListener("click", add);
    name.addEventListener("keydown", (event) => { if (event.key === "Enter") add(event); });
    for (const kind of ["input", "change"]) name.addEventListener(kind, (event) => event.stopPropagation()); // not a filter
    save.append(name, button);
    body.replaceChildren(views.length ? list : empty, save);
  }
}
customElements.define("saved-views", SavedViews);
