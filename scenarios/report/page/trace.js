// trace: the raw lines, with a search.
const trace = (() => {
  const height = 20;

  // show fills the section, and returns {go}: go(n) shows the lines of the event n.
  function show(section, root, m) {
    const { el } = dom;
    const lines = m.run.trace ?? [];
    section.hidden = lines.length === 0;
    if (section.hidden) return { go() {} };
    let found = [], at = -1, here = -1, shown = null; // shown: the lines that are listed, null for all
    const input = el("input", { type: "search", "aria-label": "search the trace", placeholder: "search", spellcheck: "false", oninput: search });
    const only = el("input", { type: "checkbox", onchange: list });
    const said = el("span", { class: "note", role: "status" });
    const box = el("div", { class: "box trace", tabindex: 0, "aria-label": "raw trace" });
    const line = (i) => shown ? shown[i] : i;
    const hits = () => new Set(found);
    let marked = hits();
    fit();
    root.replaceChildren(
      el("div", { class: "controls" }, input,
        el("button", { type: "button", "aria-label": "match before", onclick: () => step(-1) }, "◀"), el("button", { type: "button", "aria-label": "next match", onclick: () => step(1) }, "▶"),
        el("label", {}, only, " only matches"), said), box);
    const rows = virtual.list(box, {
      height, count: () => shown ? shown.length : lines.length, label: "lines of the trace",
      render: (i) => el("div", { class: "line" + (marked.has(line(i)) ? " hit" : "") + (line(i) === (found[at] ?? here) ? " selected" : "") }, lines[line(i)]),
    });
    input.addEventListener("keydown", (e) => { if (e.key === "Enter") step(e.shiftKey ? -1 : 1); });
    search();
    begin();
    return { go };

    // begin shows the lines of the violation, without a move of the page.
    function begin() {
      const n = m.events[m.violation?.event]?.n;
      here = n === undefined ? -1 : lineOf(n);
      if (here >= 0) rows.show(here);
    }

    function lineOf(n) {
      return lines.findIndex((l) => Number(/^ *(\d+) /.exec(l)?.[1]) === n);
    }

    function go(n) {
      const first = lineOf(n);
      if (first < 0) return;
      if (shown) {
        only.checked = false;
        list();
      }
      here = first;
      rows.show(first);
      section.scrollIntoView();
    }

    function search() {
      const word = input.value.toLowerCase();
      found = word === "" ? [] : lines.flatMap((l, i) => l.toLowerCase().includes(word) ? [i] : []);
      marked = hits();
      at = -1;
      said.textContent = word === "" ? format.count(lines.length, "line") : `${format.count(found.length, "line")} of ${lines.length.toLocaleString("en")}`;
      list();
      if (found.length > 0) step(1);
    }

    function list() {
      shown = only.checked && input.value !== "" ? found : null;
      fit();
      rows.refresh();
    }

    function fit() {
      box.style.height = Math.min(24, Math.max(1, shown ? shown.length : lines.length)) * height + 18 + "px";
    }

    function step(by) {
      if (found.length === 0) return;
      at = (at + by + found.length) % found.length;
      rows.show(shown ? at : found[at]);
    }
  }

  return { show };
})();
