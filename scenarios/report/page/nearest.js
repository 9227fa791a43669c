// nearest: the nearest run that passes, and where the lives of the processes part.
const nearest = (() => {
  // show fills the section; go(event) chooses an event of the first run, open(run) opens a run.
  function show(section, root, doc, first, go, open) {
    const n = doc.nearest, { el } = dom;
    section.hidden = !n;
    if (!n) return;
    const differ = (n.only_failing ?? []).length;
    const rows = (n.parting ?? []).map((p) => el("tr", {},
      el("th", { scope: "row" }, model.laneName(first, p.lane)),
      el("td", {}, p.event === undefined ? el("em", {}, "nothing more") : [link(first, p.event, go), " ", el("bdi", {}, p.failing ?? "")]),
      el("td", {}, p.passing ? el("bdi", {}, p.passing) : el("em", {}, "nothing more"))));
    root.replaceChildren(
      el("p", {}, `Without the ${n.kind} `, el("code", {}, n.what), ` the plan passes. ` +
        `The first ${format.count(n.same, "event")} are the same; ${format.count(differ, "event")} up to the violation ${differ === 1 ? "is" : "are"} not in that run. `,
      n.run === undefined ? null : el("button", { type: "button", onclick: () => open(n.run) }, "Show that run")),
      rows.length === 0 ? null : el("div", { class: "scroll" }, el("table", { class: "parting" },
        el("thead", {}, el("tr", {}, ["process", "first difference: here", "in the run that passes"].map((t) => el("th", { scope: "col" }, t)))),
        el("tbody", {}, rows))));
  }

  // brief tells in a line how the first run differs from the nearest one that passes.
  function brief(doc, m, go) {
    const n = doc.nearest;
    const first = (n?.parting ?? []).filter((p) => p.event !== undefined).sort((a, b) => a.event - b.event)[0];
    if (!n || m.run !== doc.runs[0]) return [];
    return [dom.el("h2", {}, "The nearest run that passes"), dom.el("p", { class: "brief" }, `lacks the ${n.kind} `, dom.el("code", {}, n.what),
      first ? ["; the first event that it does not have is ", link(m, first.event, go), " ", dom.el("strong", {}, model.laneName(m, first.lane)), " ", dom.el("bdi", {}, first.failing ?? ""),
        first.passing ? [" — there it is ", dom.el("bdi", {}, first.passing)] : ""] : ".")];
  }

  function link(m, event, go) {
    return dom.el("button", { type: "button", class: "jump", onclick: () => go(event) }, m.events[event] ? `event ${m.events[event].n}` : "the end");
  }

  // differs returns the events of a run, by its place, that the other run lacks.
  function differs(doc, run) {
    const n = doc.nearest;
    if (!n) return [];
    return (run === 0 ? n.only_failing : run === n.run ? n.only_passing : null) ?? [];
  }

  return { show, brief, differs };
})();
