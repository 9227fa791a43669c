// operations: the operations of the clients in order of their calls, and the order that
// explains them, or those that contradict each other.
const operations = (() => {
  const outcomes = { committed: "✓ committed", rejected: "✗ rejected", unknown: "? unknown" };

  // show fills an element; go(event) chooses an event.
  function show(root, m, go) {
    const { el } = dom;
    if (m.operations.length === 0) {
      root.replaceChildren(el("p", { class: "note" }, "There are no operations of clients in this run."));
      return;
    }
    const state = { client: "", only: false };
    const sorted = [...m.operations].sort((a, b) => a.call - b.call);
    const scale = contradiction.instants(m.operations);
    const place = new Map((m.run.order ?? m.run.found?.steps.map((s) => s.operation) ?? []).map((id, i) => [id, i + 1]));
    let shown = [];
    const choose = () => {
      shown = sorted.filter((o) => (state.client === "" || String(o.lane) === state.client) && (!state.only || o.contradicts));
      count.textContent = `${format.count(shown.length, "operation")} of ${m.operations.length.toLocaleString("en")}`;
      box.style.height = Math.min(shown.length, 14) * 30 + 18 + "px";
      rows.refresh();
    };
    const clients = [...new Set(m.operations.map((o) => o.lane))];
    const select = el("select", { "aria-label": "client", onchange() { state.client = select.value; choose(); } },
      el("option", { value: "" }, "all clients"), clients.map((id) => el("option", { value: String(id) }, model.laneName(m, id))));
    const only = el("input", { type: "checkbox", onchange() { state.only = only.checked; choose(); } });
    const count = el("span", { class: "note", role: "status" });
    const box = el("div", { class: "box operations", style: { height: "1px" } });
    const guilty = m.operations.filter((o) => o.contradicts).length;
    const some = guilty > 0 && guilty < m.operations.length;
    root.replaceChildren(
      el("p", {}, summary(m, place)),
      el("div", { class: "controls" }, clients.length > 1 ? select : null, some ? el("label", {}, only, " only those that contradict each other") : null, count),
      el("div", { class: "operation header", "aria-hidden": "true" }, ["operation", "client", "call to return, in order, not to scale", "what", "outcome", place.size ? "order" : ""].map((t) => el("span", {}, t))),
      box);
    const rows = virtual.list(box, { height: 30, count: () => shown.length, label: "operations", render: (i) => row(m, shown[i], scale, place, go) });
    choose();
  }

  function summary(m, place) {
    const guilty = m.violation?.operations ?? [];
    if (m.violation && guilty.length > 0) {
      return ["No order of the operations explains what the clients saw; ", "these contradict each other: "].slice(m.violation.property === "linearizability" ? 0 : 2).join("") +
        (m.violation.property === "linearizability" ? guilty.join(", ") : `The violation is about ${guilty.join(", ")}.`);
    }
    if (m.run.found) return "What each client asked for, and what it learnt; the number is the place of the operation in the order found, which is below.";
    if (place.size > 0) return "This order explains all that the clients saw: the number is the place of the operation in it.";
    return "What each client asked for, and what it learnt.";
  }

  function row(m, o, scale, place, go) {
    const { el } = dom;
    const result = [o.result && `→ ${o.result}`, o.version !== undefined && `v${o.version}`, o.reason].filter(Boolean).join(" ");
    return el("div", { class: "operation" + (o.contradicts ? " contradicts" : "") },
      el("button", { type: "button", class: "jump", title: "go to its call", onclick: () => go(o.call_event ?? m.place(o.call)) }, o.contradicts ? "! " : "", el("bdi", {}, o.id)),
      el("span", {}, model.laneName(m, o.lane)),
      contradiction.bar(o, scale),
      el("span", { class: "what", title: `${o.request} ${o.key}` }, el("bdi", {}, o.request), " ", el("bdi", { class: "note" }, o.key)),
      el("span", { class: "what", title: `${o.outcome} ${result}` }, outcomes[o.outcome] ?? o.outcome, " ", el("bdi", {}, result)),
      el("span", {}, place.has(o.id) ? "#" + place.get(o.id) : ""));
  }

  return { show };
})();
