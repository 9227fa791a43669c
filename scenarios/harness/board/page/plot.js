// plot: curves over one axis as a picture, whose numbers are a table beside it.
const plot = (() => {
  const height = 190, left = 46, right = 10, above = 8, below = 22;
  const namespace = "http://www.w3.org/2000/svg";

  function svg(tag, attributes, ...children) {
    const e = document.createElementNS(namespace, tag);
    for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
    e.append(...children);
    return e;
  }

  // make returns a plot and its draw function. about has its title, alarm (it is drawn as
  // a danger), axis (the name of x), x (a number as text), xs ("time" or "logarithmic"),
  // steps (curves are stairs), whole (y has no fractions), and
  // curves (names).
  function make(about) {
    const picture = svg("svg", { class: "plot" + (about.alarm ? " alarm" : ""), role: "img", tabindex: "0" });
    const said = dom.el("span", { role: "status" });
    const keys = about.curves.map((name, i) => dom.el("span", {}, svg("svg", { class: "plot" + (about.alarm ? " alarm" : ""), viewBox: "0 0 22 8", "aria-hidden": "true" }, svg("line", { class: "curve s" + i, x1: 0, x2: 22, y1: 4, y2: 4 })), name));
    const table = dom.el("div", { class: "scroll" });
    const numbers = dom.el("details", { class: "numbers" }, dom.el("summary", {}, "Numbers"), table);
    const element = dom.el("figure", {}, dom.el("figcaption", {}, about.title), picture, dom.el("div", { class: "key" }, keys, said), numbers);
    const state = { about, picture, said, table, numbers, points: [], chosen: -1, drawn: null };
    listen(state);
    numbers.addEventListener("toggle", () => fill(state));
    new ResizeObserver(() => paint(state)).observe(picture);
    return { element, draw: (points) => { state.points = points; paint(state); fill(state); } };
  }

  // paint draws the points: each is x, and a y for every curve.
  function paint(state) {
    const { about, picture, points } = state;
    const width = Math.max(picture.clientWidth, 200);
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const most = (of) => points.reduce((m, p) => Math.max(m, of(p)), 0);
    const x = (about.xs === "logarithmic" ? scale.logarithmic : scale.linear)(most((p) => p.x), left, width - right, about.axis === "campaign");
    const y = scale.linear(most((p) => Math.max(...p.ys)), height - below, above, about.whole);
    const parts = [...grid(about, x, y, width)];
    about.curves.forEach((_, i) => {
      const places = points.map((p) => [x.at(p.x), y.at(p.ys[i])]);
      if (places.length === 1) parts.push(svg("circle", { class: "p" + i, cx: places[0][0], cy: places[0][1], r: 3 }));
      else if (places.length > 1) parts.push(svg("path", { class: "curve s" + i, d: path(places, about.steps) }));
    });
    state.drawn = { x, y };
    picture.replaceChildren(...parts);
    const last = points[points.length - 1];
    picture.setAttribute("aria-label", `${about.title}: ${last ? told(about, last) : "no figures yet"}. Left and Right go through the figures.`);
    mark(state);
  }

  function* grid(about, x, y, width) {
    for (const n of y.marks) {
      yield svg("line", { class: "grid", x1: left, x2: width - right, y1: y.at(n), y2: y.at(n) });
      yield svg("text", { x: left - 6, y: y.at(n) + 4, "text-anchor": "end" }, values.number(n));
    }
    for (const n of x.marks) {
      const end = x.at(n) > width - right - 24;
      yield svg("text", { x: x.at(n), y: height - 6, "text-anchor": end ? "end" : "middle" }, about.x(n));
    }
  }

  function path(places, steps) {
    return places.map(([x, y], i) => {
      const to = `${x.toFixed(1)} ${y.toFixed(1)}`;
      if (i === 0) return "M" + to;
      return steps ? `H${x.toFixed(1)}V${y.toFixed(1)}` : "L" + to;
    }).join("");
  }

  function told(about, p) {
    return `${about.x(p.x)}: ` + about.curves.map((name, i) => `${values.number(p.ys[i])} ${name}`).join(", ");
  }

  // listen lets a pointer and the keys choose a point.
  function listen(state) {
    const choose = (i) => { state.chosen = Math.max(-1, Math.min(i, state.points.length - 1)); mark(state); };
    state.picture.addEventListener("pointermove", (e) => {
      const at = e.offsetX;
      let best = -1;
      state.points.forEach((p, i) => {
        const away = Math.abs(state.drawn.x.at(p.x) - at);
        if (best < 0 || away < Math.abs(state.drawn.x.at(state.points[best].x) - at)) best = i;
      });
      choose(best);
    });
    state.picture.addEventListener("pointerleave", () => choose(-1));
    state.picture.addEventListener("blur", () => choose(-1));
    state.picture.addEventListener("keydown", (e) => {
      const from = state.chosen < 0 ? state.points.length : state.chosen;
      const to = { ArrowLeft: Math.max(0, from - 1), ArrowRight: from + 1, Home: 0, End: state.points.length - 1, Escape: -1 }[e.key];
      if (to === undefined) return;
      e.preventDefault();
      choose(to);
    });
  }

  // mark shows the chosen point.
  function mark(state) {
    state.picture.querySelectorAll(".chosen").forEach((e) => e.remove());
    const p = state.points[state.chosen];
    const text = p ? told(state.about, p) : "";
    if (state.said.textContent !== text) state.said.textContent = text;
    if (!p) return;
    const x = state.drawn.x.at(p.x);
    state.picture.append(svg("line", { class: "chosen cursor", x1: x, x2: x, y1: above, y2: height - below }));
    p.ys.forEach((n, i) => state.picture.append(svg("circle", { class: "chosen p" + i, cx: x, cy: state.drawn.y.at(n), r: 3.5 })));
  }

  // fill fills the table, if it is open: about sixty rows, the last one among them.
  function fill({ about, numbers, table, points }) {
    if (!numbers.open) return;
    const every = Math.max(1, Math.ceil(points.length / 60));
    const shown = points.filter((_, i) => (points.length - 1 - i) % every === 0);
    table.replaceChildren(dom.el("table", {},
      dom.el("thead", {}, dom.el("tr", {}, [about.axis, ...about.curves].map((n) => dom.el("th", { scope: "col" }, n)))),
      dom.el("tbody", {}, shown.map((p) => dom.el("tr", {}, dom.el("th", { scope: "row" }, about.x(p.x)), p.ys.map((n) => dom.el("td", {}, values.number(n))))))));
  }

  return { make };
})();
