// Lists that can be put into another order: <ol data-sortable> with <li data-key data-name> and a .grip in each, by mouse,
// touch (pointer events) and arrow keys. With data-save the new order is sent there as `widget=…`.
"use strict";

for (const grip of document.querySelectorAll("[data-sortable] .grip")) grip.hidden = false;
document.addEventListener("htmx:afterSettle", () => { for (const grip of document.querySelectorAll("[data-sortable] .grip[hidden]")) grip.hidden = false; });

let dragged = null; // {item, list, before}

function keys(list) { return [...list.children].map((item) => item.dataset.key); }

document.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest?.(".grip");
  if (!grip || event.button !== 0) return;
  const item = grip.closest("[data-key]");
  dragged = { item, list: item.parentElement, before: keys(item.parentElement).join() };
  grip.setPointerCapture(event.pointerId);
  item.classList.add("dragged");
  event.preventDefault();
  grip.focus();
});

document.addEventListener("pointermove", (event) => {
  if (!dragged) return;
  const { item, list } = dragged;
  const over = document.elementsFromPoint(event.clientX, event.clientY).map((each) => each.closest("[data-key]")).find((each) => each && each !== item && each.parentElement === list);
  if (event.clientY < 70) window.scrollBy(0, -12);
  if (event.clientY > window.innerHeight - 70) window.scrollBy(0, 12);
  if (!over) return;
  const all = [...list.children];
  const box = over.getBoundingClientRect();
  const later = all.indexOf(over) > all.indexOf(item);
  // only past the middle, so that things of different sizes do not dance
  const sameRow = Math.abs(box.top - item.getBoundingClientRect().top) < box.height / 2;
  const past = sameRow ? (later ? event.clientX > box.left + box.width / 3 : event.clientX < box.right - box.width / 3) : (later ? event.clientY > box.top + box.height / 3 : event.clientY < box.bottom - box.height / 3);
  if (past) over[later ? "after" : "before"](item);
});

for (const name of ["pointerup", "pointercancel"]) {
  document.addEventListener(name, () => {
    if (!dragged) return;
    const { item, list, before } = dragged;
    dragged = null;
    item.classList.remove("dragged");
    if (keys(list).join() !== before) arranged(list, item);
  });
}

document.addEventListener("keydown", (event) => {
  const grip = event.target.closest?.(".grip");
  if (!grip) return;
  const step = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const item = grip.closest("[data-key]");
  const other = step < 0 ? item.previousElementSibling : item.nextElementSibling;
  if (!other) return;
  other[step < 0 ? "before" : "after"](item);
  grip.focus();
  arranged(item.parentElement, item);
});

let saving = Promise.resolve();

function arranged(list, item) {
  const status = document.getElementById("arranged");
  const words = { name: item.dataset.name, place: [...list.children].indexOf(item) + 1, count: list.children.length };
  if (status) status.textContent = list.dataset.said.replace(/\{(\w+)\}/g, (_all, key) => words[key]);
  if (!list.dataset.save) return;
  const body = new URLSearchParams([...keys(list).map((key) => ["widget", key]), ["quiet", "1"]]);
  list.dataset.saved = "";
  // one after the other, so that the last order is the one that stays
  saving = saving.then(async () => {
    let fine = false;
    try { fine = (await fetch(list.dataset.save, { method: "POST", body })).ok; } catch { /* told below */ }
    list.dataset.saved = fine ? "1" : "0";
    if (fine) return;
    const note = document.createElement("p");
    note.className = "notice bad toast";
    note.textContent = list.dataset.failed;
    document.getElementById("toasts")?.prepend(note);
    setTimeout(() => note.remove(), 8000);
  });
}
