// causes: what led to a violation: the last changes of the values that it is about, the
// messages that it needed, and what did not happen.
const causes = (() => {
  // list returns the list with its title; go(event) chooses an event.
  function list(m, go) {
    const all = m.violation?.causes ?? [];
    if (all.length === 0) return [];
    const names = moments.names(m.violation);
    const lines = all.map((c) => ({
      places: [{ event: c.event, lane: c.lane }], text: eventRow.brief(m, c.text), missing: c.missing, must: c.missing || c.event === m.wrong,
      near: moments.nearness(names, `${model.laneName(m, c.lane)} ${c.text}`),
    }));
    return [dom.el("h2", {}, "What led to it"), ...moments.list(m, lines, go, "causes")];
  }

  return { list };
})();
