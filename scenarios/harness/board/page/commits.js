// commits: how each system stood at each commit, the newest first.
const commits = (() => {
  const most = 30; // rows

  function show(campaigns) {
    const rows = new Map(); // by commit: the newest campaign of each system
    for (const c of campaigns) {
      const commit = c.build?.revision;
      if (!commit) continue;
      if (!rows.has(commit)) rows.set(commit, new Map());
      if (!rows.get(commit).has(c.system)) rows.get(commit).set(c.system, c);
    }
    const systems = [...new Set([...rows.values()].flatMap((cells) => [...cells.keys()]))].sort();
    dom.byId("commits").hidden = rows.size < 2;
    morph.children(dom.byId("commit-table"), rows.size < 2 ? [] : [table(systems, [...rows].slice(0, most))]);
  }

  function table(systems, rows) {
    const head = ["commit", ...systems].map((name) => dom.el("th", { scope: "col" }, dom.el("bdi", {}, name)));
    const body = rows.map(([commit, cells]) => dom.el("tr", {}, dom.el("th", { scope: "row" }, dom.el("code", {}, commit.slice(0, 10))),
      systems.map((name) => dom.el("td", { "data-name": name }, cell(cells.get(name))))));
    return dom.el("div", { class: "scroll" }, dom.el("table", { class: "list" }, dom.el("thead", {}, dom.el("tr", {}, head)), dom.el("tbody", {}, body)));
  }

  function cell(c) {
    if (!c) return dom.el("span", { class: "note" }, "not run");
    const [kind, text] = verdicts.of(c);
    return [dom.el("span", { class: "verdict " + kind }, text), " ", dom.el("span", { class: "words" }, words.count(c.standings))];
  }

  return { show };
})();
