// figures: the campaigns in progress, with their curves over time.
const figures = (() => {
  const panels = new Map(); // by the name of the campaign

  // show takes the figures of one campaign; whole says that they have all samples.
  function show(f, whole) {
    let p = panels.get(f.name);
    if (!p) {
      p = panel();
      panels.set(f.name, p);
      dom.byId("figures").append(p.element);
      dom.byId("live").hidden = false;
    }
    p.samples = whole ? f.samples ?? [] : (f.samples ?? []).reduce(series.add, p.samples);
    if (!p.latest) requestAnimationFrame(() => draw(p)); // at most once a frame, and not at all while the page is hidden
    p.latest = f;
  }

  // draw shows the latest figures of a campaign.
  function draw(p) {
    const f = p.latest;
    p.latest = null;
    morph.children(p.head, head(f));
    morph.children(p.tiles, tiles(f));
    bar(p.bar, f);
    for (const [curve, ys] of p.plots) curve.draw(p.samples.map((s) => ({ x: s.at_s, ys: ys(s, f.campaign) })));
  }

  function panel() {
    const over = (about, ys) => [plot.make({ ...about, axis: "time", x: values.seconds }), ys];
    const share = (n, of) => of > 0 ? 100 * n / of : 0;
    const plots = [
      over({ title: "Seeds per second", curves: ["seeds/s"] }, (s) => [s.seeds_per_s]),
      over({ title: "Seeds that did not pass", curves: ["failed", "undecided"], alarm: true, whole: true, steps: true }, (s) => [s.failed, s.undecided]),
      over({ title: "Reached, in percent", curves: ["% of marks", "% of pairs of faults"], steps: true }, (s, c) => [share(s.marks, c.marks.of), share(s.pairs, c.pairs.of)]),
    ];
    const head = dom.el("h3"), list = dom.el("dl", { class: "tiles" });
    const progress = dom.el("progress", { max: 1, hidden: true, "aria-label": "share of the campaign that is done" });
    return { element: dom.el("div", { class: "campaign" }, head, progress, list, dom.el("div", { class: "plots" }, plots.map(([p]) => p.element))), head, tiles: list, bar: progress, plots, samples: [], latest: null };
  }

  function head(f) {
    const c = f.campaign;
    return [dom.el("bdi", {}, f.name), ": ", dom.el("bdi", {}, c.system), ", profile ", dom.el("bdi", {}, c.profile), ", ", dom.el("bdi", {}, f.stage)].map((x) => x instanceof Node ? x : dom.text(x));
  }

  function tiles(f) {
    const c = f.campaign;
    const tile = (name, value, kind = "", small = "") => dom.el("div", { class: "tile " + kind }, dom.el("dt", {}, name), dom.el("dd", {}, value, small && dom.el("small", {}, " " + small)));
    return [
      tile("seeds", values.number(c.seeds), "", f.total ? "of " + values.number(f.total) : ""),
      tile("seeds per second", values.number(c.seeds_per_s)),
      tile("failed", values.number(c.failed), c.failed > 0 ? "alarm" : ""),
      tile("undecided", values.number(c.undecided), c.undecided > 0 ? "warn" : ""),
      tile("marks", ...reached(c.marks)),
      tile("pairs of faults", ...reached(c.pairs)),
      tile("elapsed", values.seconds(c.seconds)),
      tile("left", f.left_s === undefined ? "–" : values.seconds(f.left_s), "", f.left_s === undefined ? "not known" : ""),
    ];
  }

  function reached(r) {
    return r.of > 0 ? [values.number(r.hit), "", "of " + values.number(r.of)] : ["–", "", "none"];
  }

  // bar shows the share that is done, by seeds or by time, if the campaign has a bound.
  function bar(e, f) {
    const byTime = f.left_s === undefined ? 0 : f.campaign.seconds / Math.max(f.campaign.seconds + f.left_s, 1e-9);
    const share = Math.max(byTime, f.total ? f.campaign.seeds / f.total : 0);
    e.hidden = !f.total && f.left_s === undefined;
    e.value = share;
  }

  // keep removes the campaigns that are not in a list of names.
  function keep(names) {
    for (const [name, p] of panels) {
      if (names.includes(name)) continue;
      p.element.remove();
      panels.delete(name);
    }
    dom.byId("live").hidden = panels.size === 0;
  }

  return { show, keep };
})();
