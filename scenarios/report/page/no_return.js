// noReturn: from when on the failure is certain.
const noReturn = (() => {
  // eventOf returns the event after which every run fails; -1 if there is none, or if it
  // is the beginning of the run.
  function eventOf(m) {
    const r = m.run.no_return;
    const n = r?.instants?.[r.point]?.n;
    return n ? m.link.find(n) : -1;
  }

  // sentence tells the point in words.
  function sentence(m) {
    const r = m.run.no_return;
    if (r.point === undefined) return `From every event some of ${format.count(r.seeds, "run")} with other choices avoid the failure: it is never certain before it shows.`;
    const at = r.instants[r.point];
    if (at.n === 0) return `The failure is certain from the beginning: the plan leaves it to no choice. ${format.count(r.seeds, "run")} with other choices fail so, too.`;
    return `The point of no return is event ${at.n} at ${format.time(at.at)}: from there on all ${format.count(r.seeds, "run")} with other choices fail.`;
  }

  // show fills the section of a run; go(event) chooses an event.
  function show(section, root, m, go) {
    const r = m.run.no_return, { el } = dom;
    section.hidden = !r;
    if (!r) return;
    const row = (x, i) => el("tr", { class: i === r.point ? "changed" : undefined },
      el("th", { scope: "row" }, i === r.point ? "⚑ " : "", x.n === 0 || m.link.find(x.n) < 0 ? (x.n === 0 ? "the beginning" : `event ${x.n}`) :
        el("button", { type: "button", class: "jump", onclick: () => go(m.link.find(x.n)) }, `event ${x.n}`)),
      el("td", {}, format.time(x.at)), needs.share(x.same, r.seeds), needs.share(x.other, r.seeds));
    root.replaceChildren(el("p", {}, sentence(m)), el("details", {}, el("summary", {}, "From each instant on"),
      el("div", { class: "scroll" }, el("table", { class: "parting" },
        el("thead", {}, el("tr", {}, ["choices made anew after", "at", "fails so", "otherwise"].map((t) => el("th", { scope: "col" }, t)))),
        el("tbody", {}, (r.instants ?? []).map(row))))));
  }

  return { show, eventOf };
})();
