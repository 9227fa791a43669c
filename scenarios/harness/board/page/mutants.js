// mutants: how many known bugs campaigns have found within how many seeds.
const mutants = (() => {
  let curve = null;

  function show(view) {
    const list = view.mutants ?? [];
    dom.byId("mutants").hidden = list.length === 0;
    if (list.length === 0 || curve) return; // the file is read once
    const found = list.filter((m) => m.kills > 0);
    curve = plot.make({ title: "Known bugs found within so many seeds (median over campaigns)", curves: ["found"], axis: "seeds", x: (n) => values.number(n), xs: "logarithmic", whole: true, steps: true });
    dom.byId("kills").replaceChildren(
      dom.el("p", {}, `${values.number(found.length)} of ${format.count(list.length, "mutant")} found by campaigns.`), curve.element,
      dom.el("details", {}, dom.el("summary", {}, "Each of them"), table(list)));
    curve.draw([{ x: 1, ys: [0] }, ...found.map((m, i) => ({ x: m.seeds, ys: [i + 1] }))]);
  }

  function table(list) {
    const columns = ["mutant", "class", "verdict", "found in", "seeds", "core-seconds"];
    const row = (m) => {
      const cells = [m.class, m.verdict, `${m.kills} of ${format.count(m.starts, "campaign")}`, values.number(m.seeds), values.number(m.core_seconds)];
      return dom.el("tr", {}, dom.el("th", { scope: "row" }, m.mutant), cells.map((c, i) => dom.el("td", { "data-name": columns[i + 1], class: i > 2 ? "number" : null }, c)));
    };
    return dom.el("div", { class: "scroll" }, dom.el("table", { class: "list" },
      dom.el("thead", {}, dom.el("tr", {}, columns.map((c, i) => dom.el("th", { scope: "col", class: i > 3 ? "number" : null }, c)))), dom.el("tbody", {}, list.map(row))));
  }

  return { show };
})();
