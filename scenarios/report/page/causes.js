// causes: what led to a violation: the last changes of the values that it is about, the
// messages that it needed, and what did not happen.
const causes = (() => {
  // list returns the list with its title; go(event) chooses an event.
  function list(m, go) {
    const all = m.violation?.causes ?? [];
    if (all.length === 0) return [];
    return [dom.el("h2", {}, "What led to it"), dom.el("ul", { class: "plain causes" }, all.map((c) => dom.el("li", {}, cause(m, c, go))))];
  }

  function cause(m, c, go) {
    const e = m.events[c.event];
    return [
      e ? dom.el("button", { type: "button", class: "jump", onclick: () => go(c.event) }, `event ${e.n}`) : null, e ? ` ${format.short(e.at)} ` : null,
      c.missing ? dom.el("em", { class: "missing" }, "missing: ") : null,
      dom.el("strong", {}, dom.el("bdi", {}, model.laneName(m, c.lane))), " ", dom.el("bdi", {}, eventRow.brief(m, c.text)),
    ];
  }

  return { list };
})();
