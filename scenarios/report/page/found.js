// found: the longest order of the last operations of a history, with the states after each.
const found = (() => {
  const height = 24;

  // show fills the section; go(event) chooses an event.
  function show(section, root, m, go) {
    const f = m.run.found, { el } = dom;
    section.hidden = !f;
    if (!f) return;
    const steps = f.steps ?? [];
    const box = el("div", { class: "box found-order", style: { height: Math.min(steps.length + 1, 16) * height + 18 + "px" } });
    root.replaceChildren(el("p", {}, sentence(m, f)), box);
    virtual.list(box, { height, count: () => steps.length + 1, label: "operations in the order found", render: (i) => i === 0 ? row("", "", f.from) : step(m, steps[i - 1], i, go) });
  }

  function sentence(m, f) {
    const steps = f.steps ?? [];
    const what = f.complete ? `This order explains the last ${format.count(f.of, "operation")}. ` :
      `No order that was found is longer: it has ${format.count(steps.length, "operation")} of the last ${f.of}${m.violation ? ", up to the violation" : ""}. `;
    return what + (f.before ? `${format.count(f.before, "operation")} before these are in the state in which it begins. ` : "") +
      (m.violation && !f.complete ? "The states at its end do not allow what is left. " : "") + (f.doubt ? `But ${f.doubt}.` : "");
  }

  function step(m, s, place, go) {
    const op = m.operationOf(s.operation);
    const line = row("#" + place, [contradiction.link(m, s.operation, go), " ", op ? dom.el("bdi", {}, `${model.laneName(m, op.lane)}: ${op.request}${op.result ? " → " + op.result : ""}`) : ""], s.state);
    if (op?.contradicts) line.classList.add("contradicts");
    return line;
  }

  function row(place, what, state) {
    return dom.el("div", { class: "found-step", title: `state: ${state === "" ? "(empty)" : state}` }, dom.el("span", { class: "note" }, place), dom.el("span", { class: "what" }, what || dom.el("em", {}, "begins in")),
      dom.el("span", { class: "what" }, dom.el("bdi", {}, state === "" ? "(empty)" : state)));
  }

  return { show };
})();
