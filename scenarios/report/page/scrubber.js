// scrubber: goes through the rows one by one, by a slider, buttons or keys.
const scrubber = (() => {
  // open makes the scrubber; go(row) chooses a row, to.violation() where the violation
  // shows, and to.wrong() the first wrong step. It returns
  // show(m, rows, event).
  function open(root, go, jump) {
    let last = 0;
    const range = dom.el("input", { type: "range", min: 0, step: 1, "aria-label": "event", oninput: () => go(Number(range.value)) });
    const said = dom.el("output", { "aria-live": "off" }); // the list tells it
    const step = (title, sign, to) => dom.el("button", { type: "button", title, "aria-label": title, onclick: () => go(Math.max(0, Math.min(last, to(Number(range.value))))) }, sign);
    const back = dom.el("button", { type: "button", title: "where the violation shows (V)", onclick: jump.violation }, "✖ violation");
    const wrong = dom.el("button", { type: "button", title: "the first wrong step (W)", onclick: jump.wrong }, "⚠ first wrong step");
    root.replaceChildren(
      step("first event (Home)", "|◀", () => 0), step("event before (↑)", "◀", (r) => r - 1),
      range,
      step("next event (↓)", "▶", (r) => r + 1), step("last event (End)", "▶|", () => last), wrong, back, said);
    return function show(m, rows, event) {
      last = Math.max(0, rows.count - 1);
      range.max = last;
      back.hidden = !m.violation;
      wrong.title = m.violation ? "the first wrong step (W): " + model.whyWrong(m) : "";
      wrong.hidden = !m.violation || m.wrong === m.violation.event;
      range.value = Math.floor(rows.position(event));
      const e = m.events[event];
      said.textContent = e ? `event ${e.n} at ${format.time(e.at)}` : "no event";
      range.setAttribute("aria-valuetext", e ? format.name(`event ${e.n} at ${format.time(e.at)}, ${model.laneName(m, e.lane)}: ${model.eventText(m, event)}`) : "no event");
    };
  }

  return { open };
})();
