// The frame's own script: navigator, palette, bell, the link of a new password. Without it all of them are pages.
"use strict";

(() => {
  const asScript = () => ({ "hx-request": "true", "hx-current-url": location.href });
  const remember = (name, value) => { document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`; };

  // ---- navigator: beside the page, or over it where there is little room

  const tree = document.getElementById("tree");
  const button = document.getElementById("tree-button");
  const narrow = matchMedia("(max-width: 64rem)");
  const KEPT = "navigator"; // what it showed last: there at once on the next page
  const FOLDED = "folded";

  function folded() {
    try { return new Set(JSON.parse(localStorage.getItem(FOLDED) ?? "[]")); } catch { return new Set(); }
  }

  function unfoldAsKept() {
    const closed = folded();
    for (const node of tree.querySelectorAll("details[data-node]")) node.open = !closed.has(node.id);
  }

  // Tab comes to the tree once; from there arrows lead on, and fold and unfold.
  const inSight = () => [...document.querySelectorAll("#tree-body a")].filter((each) => each.checkVisibility());

  function oneStop(wanted) {
    const seen = inSight();
    const stop = [wanted, document.activeElement].find((each) => seen.includes(each)) ?? seen.find((each) => each.getAttribute("tabindex") === "0") ?? seen.find((each) => each.ariaCurrent) ?? seen[0];
    for (const each of document.querySelectorAll("#tree-body :is(a, summary)")) each.tabIndex = each === stop ? 0 : -1;
  }

  function walk(event) {
    const at = event.target.closest("#tree-body a");
    if (!at || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const seen = inSight();
    const here = seen.indexOf(at);
    const branch = at.closest(".branch");
    const fold = at.matches(".node") ? branch?.querySelector(":scope > details") : null;
    const turn = (open) => { if (fold?.open !== !open) return false; fold.open = open; return true; };
    const above = (fold ? branch.parentElement : at).closest(".branch")?.querySelector(":scope > a.node");
    const to = {
      ArrowDown: () => seen[here + 1],
      ArrowUp: () => seen[here - 1],
      Home: () => seen[0],
      End: () => seen.at(-1),
      ArrowRight: () => (fold && !turn(true) ? seen[here + 1] : at),
      ArrowLeft: () => (turn(false) ? at : above ?? at),
    }[event.key];
    if (!to) return;
    event.preventDefault();
    const next = to() ?? at;
    oneStop(next);
    next.focus();
  }

  const isShown = () => tree.matches(":popover-open") || (!narrow.matches && !document.body.classList.contains("tree-closed"));

  if (!tree) sessionStorage.removeItem(KEPT); // signed out: the next reader may be another one

  let asked = 0;
  async function refresh() {
    if (!isShown() || document.hidden) return;
    const turn = ++asked;
    const query = document.getElementById("tree-query").value.trim();
    try {
      const answer = await fetch(`/navigator?${new URLSearchParams(query ? { q: query } : {})}`, { headers: asScript() });
      if (!answer.ok || answer.redirected || answer.headers.has("hx-redirect") || turn !== asked) return;
      const html = await answer.text();
      const body = document.getElementById("tree-body");
      const isFirst = body.hasAttribute("data-empty");
      if (query) body.outerHTML = html; else morph(html);
      unfoldAsKept();
      oneStop();
      if (isFirst) restoreScroll();
      if (!query) sessionStorage.setItem(KEPT, html);
    } catch { /* the lamp says that nobody answers */ }
  }

  function restoreScroll() {
    document.getElementById("tree-body").scrollTop = Number(sessionStorage.getItem("navigator-scroll") ?? 0);
  }

  function tellButton() {
    button.setAttribute("aria-expanded", String(isShown()));
  }

  if (tree && button) {
    tree.popover = "auto";
    button.setAttribute("role", "button");
    button.setAttribute("aria-controls", "tree");
    button.title = button.dataset.label;
    button.addEventListener("click", (event) => {
      event.preventDefault();
      if (narrow.matches) tree.togglePopover();
      else remember("tree", document.body.classList.toggle("tree-closed") ? "closed" : "open");
      tellButton();
      refresh();
    });
    button.addEventListener("keydown", (event) => { if (event.key === " ") { event.preventDefault(); button.click(); } });
    tree.addEventListener("toggle", (event) => {
      if (event.target !== tree) return;
      tellButton();
      if (tree.matches(":popover-open")) { refresh(); document.getElementById("tree-query").focus(); }
    });
    tree.addEventListener("toggle", (event) => {
      if (!event.target.matches("details[data-node]") || document.getElementById("tree-query").value) return;
      const closed = folded();
      if (event.target.open) closed.delete(event.target.id); else closed.add(event.target.id);
      localStorage.setItem(FOLDED, JSON.stringify([...closed]));
    }, true);
    tree.addEventListener("keydown", walk);
    tree.addEventListener("scroll", () => sessionStorage.setItem("navigator-scroll", document.getElementById("tree-body").scrollTop), true);
    tree.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); refresh(); });
    let typing = 0;
    document.getElementById("tree-query").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(refresh, 200); });
    narrow.addEventListener("change", () => { tellButton(); refresh(); });
    document.addEventListener("visibilitychange", refresh);
    tellButton();
    const kept = sessionStorage.getItem(KEPT);
    if (kept && isShown()) {
      morph(kept.replace(/ aria-current="\w+"/g, ""));
      document.getElementById("tree-body").inert = true; // its links lead to the page before, until it is read anew
      unfoldAsKept();
      restoreScroll();
    }
    refresh().finally(() => { document.getElementById("tree-body").inert = false; });
    setInterval(refresh, 15000);
    let due = 0;
    document.addEventListener("fleet", () => { due ||= setTimeout(() => { due = 0; refresh(); }, 2000); });
  }

  // ---- bell

  if (document.getElementById("bell")) {
    setInterval(async () => {
      if (document.hidden) return;
      try {
        const answer = await fetch("/bell", { headers: asScript() });
        if (answer.ok && !answer.headers.has("hx-redirect")) morph(await answer.text());
      } catch { /* next time */ }
    }, 30000);
  }

  // ---- palette: Ctrl-K

  const palette = document.getElementById("palette");
  if (palette) {
    const field = document.getElementById("palette-query");
    const list = document.getElementById("palette-list");
    const note = document.getElementById("palette-note");
    let picked = 0;
    let turn = 0;
    let wait = 0;

    const pick = (to) => {
      const rows = [...list.children];
      picked = rows.length ? (to + rows.length) % rows.length : 0;
      rows.forEach((row, index) => row.setAttribute("aria-selected", String(index === picked)));
      if (rows[picked]) { field.setAttribute("aria-activedescendant", rows[picked].id); rows[picked].scrollIntoView({ block: "nearest" }); }
      else field.removeAttribute("aria-activedescendant");
    };

    const send = (action, values) => {
      const form = Object.assign(document.createElement("form"), { action, method: "post", hidden: true });
      for (const [name, value] of Object.entries({ ...values, next: location.pathname + location.search })) {
        form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
      }
      document.body.append(form);
      form.requestSubmit();
    };

    const go = (row, apart) => {
      if (!row) return;
      if (row.dataset.form) { send(row.dataset.href, JSON.parse(row.dataset.form)); return; }
      if (apart) { window.open(row.dataset.href, "_blank", "noopener"); return; }
      palette.close();
      location.href = row.dataset.href;
    };

    const look = async () => {
      const now = ++turn;
      const query = field.value.trim();
      let found = [];
      try {
        const answer = await fetch(`/search?${new URLSearchParams({ q: query })}`, { headers: { accept: "application/json" } });
        if (answer.ok && !answer.redirected) found = await answer.json();
      } catch { /* nothing found then */ }
      if (now !== turn) return;
      list.replaceChildren(...found.map((each, index) => {
        const row = document.createElement("li");
        row.id = `found-${index}`;
        row.role = "option";
        row.dataset.href = each.href;
        if (each.form) row.dataset.form = JSON.stringify(each.form);
        const label = document.createElement("b");
        label.textContent = each.label;
        const hint = document.createElement("span");
        hint.className = "dim";
        hint.textContent = each.hint && each.hint !== each.label ? `${each.kind} · ${each.hint}` : each.kind;
        row.append(label, hint);
        return row;
      }));
      list.hidden = found.length === 0;
      note.textContent = found.length ? palette.dataset.hint : palette.dataset.none;
      pick(0);
    };

    const open = () => {
      if (palette.open) return;
      field.value = "";
      palette.showModal();
      field.focus();
      look();
    };

    field.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(look, 120); });
    field.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") { event.preventDefault(); pick(picked + 1); }
      else if (event.key === "ArrowUp") { event.preventDefault(); pick(picked - 1); }
      else if (event.key === "Escape") { event.preventDefault(); palette.close(); } // at once, not only emptied
      else if (event.key === "Enter") { event.preventDefault(); go(list.children[picked], event.ctrlKey || event.metaKey); }
    });
    list.addEventListener("click", (event) => go(event.target.closest("li"), event.ctrlKey || event.metaKey));
    palette.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
    document.getElementById("palette-button").addEventListener("click", (event) => { event.preventDefault(); open(); });
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") { event.preventDefault(); open(); }
    });
  }

  // ---- what is chosen from a short list counts at once

  for (const select of document.querySelectorAll(".picker select")) {
    select.form.querySelector("button").hidden = true;
    select.addEventListener("change", () => select.form.requestSubmit());
  }

  // ---- the link of an invitation or a new password: its token goes from the address into the form

  const link = document.getElementById("password-link");
  if (link) {
    const code = link.elements.namedItem("token");
    const token = new URLSearchParams(location.hash.slice(1)).get("token");
    if (token) { code.value = token; history.replaceState(null, "", location.pathname); }
    if (code.value) {
      document.getElementById("link-code").hidden = true;
      document.getElementById("token-hint").hidden = true;
      const owner = document.getElementById("link-owner");
      fetch("/set-password/check", { method: "POST", body: new URLSearchParams({ token: code.value }) })
        .then((answer) => answer.json())
        .then((told) => {
          owner.textContent = told.text ?? told.problem;
          owner.className = told.problem ? "notice bad" : "";
          document.getElementById("link-email").value = told.email ?? "";
        })
        .catch(() => {});
    }
  }
})();
