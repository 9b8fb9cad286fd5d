// Sessions: a menu for each row (right click, the button with three dots, the menu key), choosing columns, fields behind headings.
// Without it the same is reached by links and forms.
"use strict";

{
  let open = null; // the menu
  let from = null; // where the focus goes back to

  const close = (back = true) => {
    if (!open) return;
    open.remove();
    open = null;
    document.querySelector("tr.picked")?.classList.remove("picked");
    if (back) from?.focus();
  };

  const show = (row, x, y, opener) => {
    close(false);
    const template = document.getElementById("row-menu");
    if (!template) return;
    const menu = template.content.firstElementChild.cloneNode(true);
    for (const link of menu.querySelectorAll("a")) {
      if (link.dataset.when && link.dataset.when !== row.dataset.state) link.closest("li").remove();
      else { link.href = `/sessions/${row.dataset.session}${link.dataset.to}`; link.tabIndex = -1; }
    }
    document.body.append(menu);
    menu.style.setProperty("--x", `${Math.max(8, Math.min(x, innerWidth - menu.offsetWidth - 8))}px`);
    menu.style.setProperty("--y", `${Math.max(8, Math.min(y, innerHeight - menu.offsetHeight - 8))}px`);
    row.classList.add("picked");
    open = menu;
    from = opener;
    menu.querySelector("a").focus();
  };

  const below = (element) => {
    const box = element.getBoundingClientRect();
    return [box.right - 176, box.bottom + 4];
  };

  document.addEventListener("contextmenu", (event) => {
    const row = event.target.closest?.("tr[data-session]");
    if (!row || event.shiftKey) return; // with shift: the browser's own
    event.preventDefault();
    const opener = row.querySelector(".row-more");
    const byKey = event.clientX === 0 && event.clientY === 0;
    show(row, ...(byKey ? below(opener) : [event.clientX, event.clientY]), event.target.closest("a") ?? opener);
  });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.(".row-more");
    if (opener) {
      event.preventDefault();
      show(opener.closest("tr"), ...below(opener), opener);
    } else if (open && !open.contains(event.target)) close(false);
  });

  document.addEventListener("keydown", (event) => {
    if (!open) {
      const row = event.target.closest?.("tr[data-session]");
      if (row && (event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey))) {
        event.preventDefault();
        show(row, ...below(row.querySelector(".row-more")), event.target);
      }
      return;
    }
    const links = [...open.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + links.length, Home: 0, End: links.length - 1 }[event.key];
    if (to !== undefined) { event.preventDefault(); links[to % links.length].focus(); }
    if (event.key === "Escape" || event.key === "Tab") { event.preventDefault(); close(); }
  });
  addEventListener("scroll", () => close(false), { passive: true });
}

// the arrows of the chooser move at once; "Show these" saves
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("#columns-form button[name=up], #columns-form button[name=down]");
  if (!button) return;
  event.preventDefault();
  const item = button.closest("li");
  if (button.name === "up") item.previousElementSibling?.before(item);
  else item.nextElementSibling?.after(item);
  button.focus();
});

// a funnel in a heading leads to its field
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-filter-field]");
  const field = link && document.getElementById(link.dataset.filterField);
  if (!field) return;
  event.preventDefault();
  const box = field.closest("details");
  if (box) box.open = true;
  field.focus();
});

// #correct-form and the like: open what it is in
{
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    const box = target && target.closest("details");
    if (!box) return;
    box.open = true;
    box.scrollIntoView({ block: "center" });
    target.querySelector("input:not([type=hidden]), textarea")?.focus({ preventScroll: true });
  };
  addEventListener("hashchange", reveal);
  if (document.readyState === "complete") reveal();
  else addEventListener("load", () => setTimeout(reveal, 0)); // after the browser went to the fragment itself
}
