// details: the chosen event in full, and the state of each node after it.
const details = (() => {
  const mostPaths = 400; // of a node, until the reader asks for all

  // open returns show(m, event) for an element; go(event) chooses another event, and
  // raw(event) shows it in the trace.
  function open(root, go, raw) {
    const cache = new WeakMap(); // states by run
    const all = new Set(); // lanes whose paths are shown without limit
    const closed = new Set(); // lanes whose values are folded
    return function show(m, event) {
      const e = m.events[event];
      if (!e) {
        root.replaceChildren(dom.el("p", {}, "The run has no events."));
        return;
      }
      const view = { cache, all, closed, again: () => show(m, event) };
      root.replaceChildren(about(m, event, go, raw, view), nodes(m, event, view));
    };
  }

  function about(m, event, go, raw, view) {
    const e = m.events[event];
    const lines = [];
    if (event === m.violation?.event) lines.push(dom.el("p", { class: "violation" }, dom.el("strong", {}, "✖ The violation shows here. "), reported(m, event) ? "" : headline.of(m.violation.sentence.split("\n")[0])));
    else if (m.guilty.has(event)) lines.push(dom.el("p", { class: "violation" }, dom.el("strong", {}, "! Part of the contradiction. "), headline.of(m.violation.sentence.split("\n")[0])));
    if (event === m.noReturn) lines.push(dom.el("p", { class: "violation" }, dom.el("strong", {}, "⚑ The point of no return. "), "Whatever happens after this event, the run fails."));
    else if (event === m.wrong && event !== m.violation?.event) lines.push(dom.el("p", { class: "violation" }, dom.el("strong", {}, "⚠ The first wrong step. "), model.whyWrong(m)));
    const taken = m.messages[e.message];
    if (taken) lines.push(dom.el("p", {}, "Sent in ", jump(m, taken.sent, go), `, ${model.fate(taken)}.`));
    if (taken && e.kind === "receive") lines.push(...answer(m, event, view));
    const sent = m.sent(event).map((i) => dom.el("li", {}, ...message(m, m.arrows[i], go)));
    const marks = m.marked(event).filter((i) => !model.repeats(m, event, m.marks[i])).map((i) => dom.el("li", {}, dom.el("span", { class: "note" }, m.marks[i].kind + ": "), shortened(m.marks[i].text)));
    const force = m.spans.filter((x) => x.first <= event && event <= x.last).slice(0, 20).map((x) => dom.el("li", {}, `${x.span.kind === "annotation" ? "" : x.span.kind.replaceAll("_", " ") + ": "}${x.span.text}, until ${format.time(x.span.to)}`));
    const list = (title, items) => items.length > 0 ? [dom.el("h4", {}, title), dom.el("ul", { class: "plain" }, items)] : [];
    return dom.el("div", { class: "event" },
      dom.el("h3", {}, `Event ${e.n} · ${format.time(e.at)} · `, dom.el("bdi", {}, model.laneName(m, e.lane))),
      dom.el("p", {}, dom.el("bdi", {}, model.eventText(m, event))),
      lines, list("Then", marks), list("Sends", sent), list("In force", force),
      m.run.trace ? dom.el("p", {}, dom.el("button", { type: "button", class: "jump", onclick: () => raw(event) }, "its lines in the raw trace")) : null);
  }

  // reported tells whether an event reports what the sentence of the violation says.
  function reported(m, event) {
    return m.marked(event).some((i) => m.violation.sentence.includes(m.marks[i].text.replace(/^(stopped|panic): /, "")));
  }

  // shortened returns a text without its advice, which its title has.
  function shortened(text) {
    const short = headline.of(text);
    return dom.el("bdi", { title: short === text ? null : text }, short);
  }

  // answer tells that a message was ignored or refused, and what its receiver held of its
  // object before. It claims no reason, but shows what decides it.
  function answer(m, event, view) {
    const refused = model.refusal(m, event);
    if (!refused && !model.isIgnored(m, event)) return [];
    const e = m.events[event], name = model.laneName(m, e.lane);
    const held = known(m, view)?.at(event - 1).get(e.lane)?.values ?? new Map();
    const keys = (m.run.plan?.objects ?? []).filter((key) => key && m.messages[e.message].text.split(" ").includes(key));
    const values = [...held].map(([path, value]) => [holdings.within(path, keys[0]), value]).filter(([rest, value]) => rest && !rest.includes("/") && value);
    return [dom.el("p", {}, dom.el("strong", {}, refused ? `${name} refused it: ` : `${name} ignored it: `), refused || "it sent nothing, asked nothing of its disk, and its state stayed as it was.",
      values.length > 0 ? ` It held, of ${keys[0]}: ${values.map(([rest, value]) => `${rest} ${value}`).join("; ")}.` : "")];
  }

  // known returns the states of the nodes of a run, or null.
  function known(m, view) {
    const changes = m.run.states?.changes;
    if (!changes) return null;
    if (!view.cache.has(m)) view.cache.set(m, states.open(changes));
    return view.cache.get(m);
  }

  function message(m, arrow, go) {
    const x = arrow.message;
    const arrivals = arrow.ends.filter((a) => !a.never).flatMap((a) => [" ", jump(m, a.event, go), a.lost ? "" : model.isIgnored(m, a.event) ? " ignored there" : model.refusal(m, a.event) ? ` refused there: ${model.refusal(m, a.event)}` : ""]);
    return [dom.el("bdi", {}, `to ${model.laneName(m, x.to)}: ${x.text} `), dom.el("span", { class: model.ordinary(x) ? "note" : "odd" }, model.fate(x)), ...arrivals];
  }

  // jump returns a button that leads to an event.
  function jump(m, event, go) {
    const e = m.events[event];
    return dom.el("button", { type: "button", class: "jump", onclick: () => go(event) }, e ? `event ${e.n}` : "the end");
  }

  function nodes(m, event, view) {
    const s = m.run.states;
    if (!m.lanes.some((l) => l.kind === "node")) return operation(m, event);
    if (!s?.changes) return dom.el("p", { class: "note" }, "The states of the nodes are not in this report: the system does not tell them.");
    const of = known(m, view);
    const changed = of.changed(event); // before at(event), which goes on from there
    const now = of.at(event);
    if (s.from !== undefined && event < s.from) return dom.el("p", { class: "note" }, `The states of the nodes are known from event ${m.events[s.from]?.n} on.`);
    const gap = model.gapAt(m, event);
    const cut = gap ? dom.el("p", { class: "note" }, `States are not known from event ${m.events[gap.first]?.n} until event ${m.events[gap.last]?.n}: there is no room for all. These are of the instant before.`) :
      s.until !== undefined && event > s.until ? dom.el("p", { class: "note" }, `States are known until event ${m.events[s.until]?.n}; these are of that instant.`) : null;
    return dom.el("div", { class: "nodes" }, dom.el("h3", {}, panics(m, event) ? "State of each node before it: its step did not end" : "State of each node after it"), cut,
      m.lanes.filter((l) => now.has(l.id)).map((l) => node(l, now.get(l.id), changed.get(l.id), view)));
  }

  // panics tells whether an event is the one that panicked.
  function panics(m, event) {
    return m.violation?.property === "assertion" && event === m.violation.event;
  }

  // operation returns the operation that an event of a history belongs to.
  function operation(m, event) {
    const call = m.calls.find((x) => x.op.call_event === event || x.op.return_event === event);
    if (!call) return null;
    const { op } = call;
    const rows = [["key", op.key], ["request", op.request], ["call", format.time(op.call)], ["return", op.return === undefined ? "never" : format.time(op.return)],
      ["outcome", op.outcome], ["reason", op.reason], ["result", op.result], ["version", op.version], ["contradicts", op.contradicts && "it is part of the contradiction"]];
    return dom.el("div", { class: "nodes" }, dom.el("h3", {}, "The operation ", dom.el("bdi", {}, op.id)),
      dom.el("div", { class: "node" }, dom.el("table", {}, dom.el("tbody", {}, rows.filter(([, v]) => v !== undefined && v !== "" && v !== false).map(([name, v]) => valueRow(name, v, undefined, false))))));
  }

  // node returns the state of one node: what changed first.
  function node(lane, state, changed, view) {
    const before = changed?.before ?? new Map();
    const rows = [...before].map(([path, old]) => valueRow(path, state.values.get(path), old, true));
    const rest = [...state.values].filter(([path]) => !before.has(path)).sort(([a], [b]) => a < b ? -1 : 1);
    const shown = view.all.has(lane.id) ? rest : rest.slice(0, mostPaths);
    rows.push(...shown.map(([path, value]) => valueRow(path, value, undefined, false)));
    const more = rest.length - shown.length;
    const summary = dom.el("summary", {}, dom.el("bdi", {}, lane.name), state.up ? "" : dom.el("strong", {}, " is down"),
      changed ? dom.el("span", { class: "changes" }, ` ● ${changed.up ? (state.up ? "up, " : "down, ") : ""}${format.count(before.size, "change")}`) : "");
    const box = dom.el("details", { class: state.up ? "node" : "node down", open: !view.closed.has(lane.id) }, summary,
      dom.el("table", { "aria-label": "state of " + lane.name }, dom.el("tbody", {}, rows)),
      more > 0 ? dom.el("button", { type: "button", onclick() { view.all.add(lane.id); view.again(); } }, `${format.count(more, "more path")}`) : null);
    box.addEventListener("toggle", () => box.open ? view.closed.delete(lane.id) : view.closed.add(lane.id));
    return box;
  }

  // breakable returns a path that may go on in a new line after each of its names.
  function breakable(path) {
    return path.split("/").flatMap((name, i) => i === 0 ? [name] : ["/", dom.el("wbr"), name]);
  }

  function valueRow(path, value, old, changed) {
    return dom.el("tr", { class: changed ? "changed" : undefined },
      dom.el("th", { scope: "row" }, changed ? dom.el("span", { "aria-label": "changed" }, "● ") : null, dom.el("bdi", {}, breakable(path))),
      dom.el("td", {}, changed && old !== undefined ? [dom.el("del", {}, old), " "] : null,
        value === undefined ? dom.el("em", {}, "gone") : changed ? dom.el("ins", {}, value) : dom.el("bdi", {}, value)));
  }

  return { open };
})();
