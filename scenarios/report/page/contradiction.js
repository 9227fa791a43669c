// contradiction: the operations that contradict each other as a table, with those that wrote
// the values seen in them.
const contradiction = (() => {
  // table returns the rows of a violation; go(event) chooses an event.
  function table(m, go) {
    const { el } = dom;
    const rows = m.violation.rows.map((row) => ({ ...row, op: m.operationOf(row.operation) })).filter((row) => row.op);
    const scale = instants(rows.map((row) => row.op));
    return el("div", { class: "scroll" }, el("table", { class: "contradiction" },
      el("thead", {}, el("tr", {}, ["operation", "client", "time, in order, not to scale", "", "after"].map((t) => el("th", { scope: "col" }, t)))),
      el("tbody", {}, rows.map(({ op, text, contradicts, after }) => el("tr", { class: contradicts ? "contradicts" : undefined },
        el("th", { scope: "row" }, contradicts ? "! " : "", link(m, op.id, go)),
        el("td", {}, model.laneName(m, op.lane)),
        el("td", { class: "time" }, bar(op, scale)),
        el("td", {}, el("bdi", {}, text)),
        el("td", {}, (after ?? []).map((id, i) => [i > 0 ? ", " : "", link(m, id, go)])))))));
  }

  // link returns a button that leads to an operation's call.
  function link(m, id, go) {
    const op = m.operationOf(id);
    return op ? dom.el("button", { type: "button", class: "jump", onclick: () => go(op.call_event ?? m.place(op.call)) }, dom.el("bdi", {}, id)) : dom.el("bdi", {}, id);
  }

  // instants ranks all times of calls and returns, in percent of the width.
  function instants(operations) {
    const times = [...new Set(operations.flatMap((o) => [o.call, o.return ?? o.call]))].sort((a, b) => a - b);
    const rank = new Map(times.map((t, i) => [t, (i + 1) / (times.length + 1) * 100]));
    return (time) => rank.get(time);
  }

  // bar returns the time from the call of an operation to its return.
  function bar(op, scale) {
    const left = scale(op.call), right = op.return === undefined ? 100 : Math.max(left + 1.5, scale(op.return));
    return dom.el("span", { class: "time", title: `${format.time(op.call)} to ${op.return === undefined ? "never" : format.time(op.return)}` },
      dom.el("span", { class: `bar ${op.outcome}${op.return === undefined ? " open" : ""}`, style: { left: left + "%", width: right - left + "%" } }));
  }

  return { table, link, instants, bar };
})();
