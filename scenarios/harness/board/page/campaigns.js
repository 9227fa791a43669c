// campaigns: those that have ended in the folder, the newest first.
const campaigns = (() => {
  const most = 50; // rows that are shown at once
  let all = false;
  let curves = null;
  let latest = null; // the view that is shown

  function show(view) {
    latest = view;
    const list = view.campaigns;
    const rows = (all ? list : list.slice(0, most)).map(row);
    const more = !all && list.length > most && dom.el("button", { type: "button", onclick: () => { all = true; show(latest); } }, `show all ${values.number(list.length)}`);
    curves ??= overTime();
    morph.children(dom.byId("campaigns"), list.length > 0 ? [table(rows), more] : [dom.el("p", {}, "None has ended here yet.")]);
    curves.draw([...list].reverse().slice(-200));
    curves.element.hidden = list.length < 2;
  }

  // overTime has the speed and the failures of one campaign after the other.
  function overTime() {
    const about = { axis: "campaign", x: String };
    const speed = plot.make({ ...about, title: "Seeds per second, by campaign", curves: ["seeds/s"] });
    const ways = plot.make({ ...about, title: "Kinds of failures, by campaign", curves: ["kinds", "new or regressed"], alarm: true, whole: true });
    const fresh = (c) => (c.standings ?? []).filter((s) => s.word === "new" || s.word === "regressed").length;
    const element = dom.byId("campaign-plots");
    element.append(speed.element, ways.element);
    return {
      element,
      draw: (list) => {
        speed.draw(list.map((c, i) => ({ x: i + 1, ys: [c.seeds_per_s] })));
        ways.draw(list.map((c, i) => ({ x: i + 1, ys: [(c.signatures ?? []).length, fresh(c)] })));
      },
    };
  }

  const columns = ["ended", "verdict", "failures", "seeds", "failed", "undecided", "marks", "pairs", "seeds/s", "time", "command"];

  function table(rows) {
    return dom.el("div", { class: "scroll" }, dom.el("table", { class: "list" },
      dom.el("thead", {}, dom.el("tr", {}, columns.map((name) => dom.el("th", { scope: "col", class: isNumber(name) ? "number" : null }, name)))), dom.el("tbody", {}, rows)));
  }

  const isNumber = (name) => ["seeds", "failed", "undecided", "seeds/s"].includes(name);

  function row(c) {
    const [kind, text] = verdicts.of(c);
    const cells = {
      verdict: dom.el("span", { class: "verdict " + kind }, text),
      failures: dom.el("span", { class: "words" }, words.count(c.standings)),
      seeds: values.number(c.seeds), failed: values.number(c.failed), undecided: values.number(c.undecided),
      marks: values.reached(c.marks), pairs: values.reached(c.pairs), "seeds/s": values.number(c.seeds_per_s), time: values.seconds(c.seconds),
      command: [dom.el("code", {}, c.command), " ", dom.el("span", { class: "note" }, build(c.build))],
    };
    return dom.el("tr", {}, dom.el("th", { scope: "row" }, c.running ? "in progress" : dom.el("time", { datetime: c.ended }, values.time(c.ended))),
      columns.slice(1).map((name) => dom.el("td", { "data-name": name, class: name === "command" ? "command" : isNumber(name) ? "number" : name === "failures" ? null : "short" }, cells[name])));
  }

  function build(b) {
    if (!b?.revision) return b?.version ?? "";
    return b.revision.slice(0, 10) + (b.modified ? " with changes" : "");
  }

  return { show };
})();
