// workers: the machines that run the campaigns in progress.
const workers = (() => {
  const columns = ["worker", "build", "seeds", "jobs", "now", "heard"];

  function show(list) {
    list ??= [];
    dom.byId("workers").hidden = list.length === 0;
    morph.children(dom.byId("machines"), list.length > 0 ? [table(list.map(row))] : []);
  }

  function table(rows) {
    return dom.el("div", { class: "scroll" }, dom.el("table", { class: "list" },
      dom.el("thead", {}, dom.el("tr", {}, columns.map((name) => dom.el("th", { scope: "col", class: isNumber(name) ? "number" : null }, name)))), dom.el("tbody", {}, rows)));
  }

  const isNumber = (name) => ["seeds", "jobs"].includes(name);

  function row(w) {
    const cells = {
      build: dom.el("code", {}, w.build || "any"), seeds: values.number(w.seeds), jobs: values.number(w.jobs), now: dom.el("bdi", {}, w.now),
      heard: dom.el("time", { datetime: w.heard }, values.time(w.heard)),
    };
    return dom.el("tr", {}, dom.el("th", { scope: "row" }, dom.el("bdi", {}, w.name)),
      columns.slice(1).map((name) => dom.el("td", { "data-name": name, class: isNumber(name) ? "number" : null }, cells[name])));
  }

  return { show };
})();
