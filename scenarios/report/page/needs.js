// needs: how often the plan fails without each of its parts.
const needs = (() => {
  function show(section, root, necessity) {
    section.hidden = !necessity;
    if (!necessity) return;
    const { el } = dom;
    root.replaceChildren(
      el("p", {}, `The plan with one part removed, run with ${format.count(necessity.seeds, "seed")} each: how often it fails with ${necessity.signature}, and how often in another way.`),
      el("table", {},
        el("thead", {}, el("tr", {}, ["the plan", "fails so", "otherwise"].map((t) => el("th", { scope: "col" }, t)))),
        el("tbody", {}, (necessity.rows ?? []).map((r) => el("tr", {},
          el("th", { scope: "row" }, r.kind ? [`without ${r.kind} `, el("bdi", {}, r.what)] : "as it is"), share(r.same, necessity.seeds), share(r.other, necessity.seeds))))));
  }

  // share returns a cell with the share of runs, as a bar and a number.
  function share(runs, of) {
    const percent = Math.round(runs / Math.max(1, of) * 100);
    return dom.el("td", { class: "share" }, dom.el("span", { class: "share-bar" }, dom.el("span", { style: { width: percent + "%" } })), ` ${percent} %`);
  }

  return { show, share };
})();
