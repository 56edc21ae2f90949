// Everything on the page can be read without this script. It adds filters, copy buttons, sharable addresses and parts of the interplay.
"use strict";
(() => {
  // The address's fragment is the only state: rows=all&level=MUST&verdict=deviates&text=padding&at=ID
  const form = document.querySelector("form.filters");
  const rows = [...document.querySelectorAll("tr[data-level]")].map((row) => ({
    row,
    level: row.dataset.level,
    verdicts: row.dataset.verdicts.split(" "),
    differs: "differs" in row.dataset,
    text: row.querySelector("th").textContent.toLowerCase(),
  }));

  const plainAnchor = () => location.hash.length > 1 && !location.hash.includes("=");
  const state = () => new URLSearchParams(plainAnchor() ? "" : location.hash.slice(1));

  // Which rows are shown unless the address says otherwise; a page of one run has no such choice.
  const preset = form.querySelector("[name=rows][checked]")?.value;

  function address(at) {
    const data = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value && !(name === "rows" && value === preset)) data.append(name, value);
    if (at) data.set("at", at);
    // An empty fragment would scroll to the top.
    return "#" + (data.toString() || "view=all");
  }

  function apply() {
    const wanted = state();
    const levels = wanted.getAll("level");
    const verdicts = wanted.getAll("verdict");
    const differing = (wanted.get("rows") || preset) === "differing";
    const text = (wanted.get("text") || "").trim().toLowerCase();
    for (const box of form.querySelectorAll("[type=checkbox]")) box.checked = wanted.getAll(box.name).includes(box.value);
    for (const choice of form.querySelectorAll("[name=rows]")) choice.checked = (choice.value === "differing") === differing;
    if (form.text.value.trim().toLowerCase() !== text) form.text.value = wanted.get("text") || "";
    let shown = 0;
    for (const { row, ...has } of rows) {
      row.hidden =
        (differing && !has.differs) ||
        (levels.length && !levels.includes(has.level)) ||
        (verdicts.length && !verdicts.some((verdict) => has.verdicts.includes(verdict))) ||
        !has.text.includes(text);
      shown += !row.hidden;
    }
    for (const body of document.querySelectorAll(".clauses tbody")) body.hidden = !body.querySelector("tr[data-level]:not([hidden])");
    form.querySelector("output").textContent = `${shown} of ${rows.length} clauses shown.`;
    form.querySelector("button").hidden = shown === rows.length;
    go(wanted.get("at"));
  }

  function go(id) {
    const target = id && document.getElementById(id);
    if (!target || target === document.activeElement) return;
    for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    target.focus({ preventScroll: true });
    target.scrollIntoView();
  }

  function filter() {
    location.replace(address());
  }

  async function copy(block, button) {
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(block.textContent);
    } catch {
      // Pages opened from a file may have no clipboard of their own.
      getSelection().selectAllChildren(block);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = before), 1500);
  }

  for (const block of document.querySelectorAll("pre[data-copy]")) {
    const holder = document.createElement("div");
    const button = document.createElement("button");
    holder.className = "copying";
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", () => copy(block, button));
    block.replaceWith(holder);
    holder.append(block, button);
  }

  for (const choice of document.querySelectorAll(".choose")) {
    const select = choice.querySelector("select");
    const cells = choice.parentElement.querySelectorAll(".pairs tbody td");
    const [notMet, never] = select.dataset.glyphs;
    select.addEventListener("change", () => {
      select.selectedOptions[0].dataset.counts.split(" ").forEach((count, place) => {
        const size = ["few", "tens", "hundreds"][count.length - 1] || "thousands";
        cells[place].className = count > 0 ? size : count < 0 ? "never" : "not-exercised";
        cells[place].textContent = count > 0 ? count : count < 0 ? never : notMet;
        cells[place].removeAttribute("title");
      });
    });
    choice.hidden = false;
  }

  document.addEventListener("pointerover", (event) => {
    const cell = event.target.closest(".pairs tbody td");
    if (!cell || cell.title) return;
    const across = cell.closest("table").tHead.lastElementChild.cells[cell.cellIndex].title;
    cell.title = `${cell.parentElement.cells[0].textContent}, ${across}: ${cell.textContent}`;
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const id = link.getAttribute("href").slice(1);
    if (location.hash === address(id)) go(id);
    else location.hash = address(id);
  });
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => {
    for (const choice of form.querySelectorAll("[name=rows]")) choice.checked = choice.value === "all";
    filter();
  }));
  addEventListener("hashchange", apply);
  // A phase-by-phase print would leave out what is folded away.
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((box) => (box.open = true)));
  form.hidden = false;
  apply();
})();
