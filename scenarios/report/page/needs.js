// needs: how often the plan fails without each of its parts.
const needs = (() => {
  function show(section, root, necessity) {
    section.hidden = !necessity;
    if (!necessity) return;
    const { el } = dom;
    const percent = (n) => Math.round(n / Math.max(1, necessity.seeds) * 100);
    const share = (n) => el("td", { class: "share" }, el("span", { class: "share-bar" }, el("span", { style: { width: percent(n) + "%" } })), ` ${percent(n)} %`);
    root.replaceChildren(
      el("p", {}, `The plan with one part removed, run with ${format.count(necessity.seeds, "seed")} each: how often it fails with ${necessity.signature}, and how often in another way.`),
      el("table", {},
        el("thead", {}, el("tr", {}, ["the plan", "fails so", "otherwise"].map((t) => el("th", { scope: "col" }, t)))),
        el("tbody", {}, (necessity.rows ?? []).map((r) => el("tr", {},
          el("th", { scope: "row" }, r.kind ? [`without ${r.kind} `, el("bdi", {}, r.what)] : "as it is"), share(r.same), share(r.other))))));
  }

  return { show };
})();
