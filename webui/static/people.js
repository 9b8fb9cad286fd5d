// The menu of a row, and of the table around its rows: by right click, by the menu key or Shift+F10 on the row's link, and by its button (that needs no script).
"use strict";

function place(menu, x, y) {
  menu.showPopover();
  menu.classList.add("placed");
  const { width, height } = menu.getBoundingClientRect();
  menu.style.setProperty("--x", `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`);
  menu.style.setProperty("--y", `${Math.max(8, Math.min(y, innerHeight - height - 8))}px`);
  menu.querySelector(".menu-item").focus();
}

document.addEventListener("contextmenu", (event) => {
  const row = event.target.closest("[data-menu]");
  if (!row || event.shiftKey) return; // with shift: the browser's own
  event.preventDefault();
  const menu = document.getElementById(row.dataset.menu);
  if (event.clientX || event.clientY) return place(menu, event.clientX, event.clientY);
  const from = event.target.getBoundingClientRect(); // by the keyboard
  place(menu, from.left, from.bottom + 4);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[popovertarget^=menu-]");
  if (!button) return;
  event.preventDefault();
  const menu = document.getElementById(button.getAttribute("popovertarget"));
  const from = button.getBoundingClientRect();
  place(menu, from.right - 272, from.bottom + 4);
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.(".context");
  if (!menu || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  event.preventDefault();
  const items = [...menu.querySelectorAll(".menu-item")];
  const next = items.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
  items[(next + items.length) % items.length].focus();
});

document.addEventListener("submit", (event) => event.target.closest(".context")?.hidePopover(), true);
