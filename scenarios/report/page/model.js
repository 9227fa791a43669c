// model: a run of the document, made ready for questions by position. An event is named
// by its place in the run's list of events.
const model = (() => {
  function prepare(run) {
    const events = run.events ?? [];
    const m = {
      run, events,
      lanes: run.lanes ?? [],
      laneOf: new Map((run.lanes ?? []).map((l) => [l.id, l])),
      messages: run.messages ?? [],
      marks: run.marks ?? [],
      operations: run.operations ?? [],
      violation: run.violation ?? null,
    };
    m.operationOf = named(m.operations);
    m.place = (time) => firstAt(events, time);
    m.sent = lists(events.length, m.messages, (x) => x.sent);
    m.marked = lists(events.length, m.marks, (x) => x.event);
    m.arrows = m.messages.map((x, i) => arrow(m, x, i));
    m.spans = (run.spans ?? []).map((x) => placeSpan(m, x));
    m.calls = endOpen(m.operations.map((x) => placeOperation(m, x)));
    m.guilty = new Set(m.violation?.events ?? []);
    m.wrong = m.violation?.wrong ?? m.violation?.event; // the first wrong step
    m.led = new Set((m.violation?.causes ?? []).map((c) => c.event).filter((e) => e !== undefined));
    m.link = links(events);
    m.noReturn = noReturn.eventOf(m);
    return m;
  }

  // named finds operations by their ids.
  function named(operations) {
    const byID = new Map(operations.map((x) => [x.id, x]));
    return (id) => byID.get(id);
  }

  // firstAt returns the first event at a time or after it.
  function firstAt(events, time) {
    let low = 0, high = events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (events[middle].at < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // lists groups the places of items by the event that they belong to.
  function lists(count, items, event) {
    const of = new Map();
    items.forEach((item, i) => {
      const e = event(item);
      if (!of.has(e)) of.set(e, []);
      of.get(e).push(i);
    });
    return (e) => of.get(e) ?? [];
  }

  // arrow returns a message with the events between which it is drawn.
  function arrow(m, message, index) {
    const ends = (message.arrivals ?? []).map((a) => ({
      event: a.event ?? (message.fate === "open" ? m.events.length : m.place(a.at)), lost: a.lost ?? "", never: a.event === undefined,
    }));
    const last = Math.max(message.sent, ...ends.map((e) => e.event));
    return { message, index, ends, first: message.sent, last };
  }

  // placeSpan returns a span with its first and last event. A process is up in the event of
  // its boot; a fault begins and ends with actions of the world, if the run has come to them.
  function placeSpan(m, span) {
    const first = span.begin ?? action(m, span, span.from, "begin") ?? m.place(span.from);
    let last = span.finish ?? action(m, span, span.to, "end") ?? m.place(span.to) - 1;
    if (span.finish !== undefined && m.events[last]?.kind === "boot") last--;
    return { span, first, last: Math.max(first, last) };
  }

  // action returns the event with which the world begins or ends a span.
  function action(m, span, time, verb) {
    for (let i = m.place(time); m.events[i]?.at === time; i++) {
      if (m.events[i].lane === 0 && m.events[i].text === `${verb}: ${span.text}`) return i;
    }
    return undefined;
  }

  function placeOperation(m, op) {
    const first = op.call_event ?? m.place(op.call);
    const last = op.return === undefined ? m.events.length - 1 : op.return_event ?? Math.min(m.place(op.return), m.events.length - 1);
    return { op, first, last: Math.max(first, last) };
  }

  // endOpen ends the frame of an operation that never returned before the next call in its
  // lane: they would cover each other to the end.
  function endOpen(calls) {
    const next = new Map(); // by lane: the first event of the call after
    for (const c of [...calls].sort((a, b) => b.first - a.first)) {
      if (c.op.return === undefined && next.has(c.op.lane)) c.last = Math.max(c.first, Math.min(c.last, next.get(c.op.lane) - 1));
      next.set(c.op.lane, c.first);
    }
    return calls;
  }

  // links names events in addresses: by their number, with a count for those that share
  // it. So an address holds as long as the run is the same.
  function links(events) {
    const firstOf = new Map();
    events.forEach((e, i) => { if (!firstOf.has(e.n)) firstOf.set(e.n, i); });
    return {
      name: (i) => i === firstOf.get(events[i].n) ? String(events[i].n) : events[i].n + "." + (i - firstOf.get(events[i].n)),
      find(name) {
        const [n, offset] = String(name).split(".").map(Number);
        const i = (firstOf.get(n) ?? NaN) + (offset || 0);
        return events[i]?.n === n ? i : -1;
      },
    };
  }

  // laneName returns the name of a lane.
  function laneName(m, id) {
    return m.laneOf.get(id)?.name ?? (id === 0 ? "world" : String(id));
  }

  // fate returns what became of a message, in words.
  function fate(message) {
    const words = [];
    const cause = message.cause ? ": " + message.cause : "";
    if (message.fate === "dropped") words.push("dropped" + cause);
    else if (message.fate === "lost") words.push("lost on the way" + cause);
    else if (message.fate === "open") words.push("under way at the end");
    else words.push("delivered");
    if (message.duplicate) words.push("twice");
    if (message.late) words.push("late");
    if (message.damaged) words.push("damaged");
    if (message.reordered) words.push("may overtake");
    if (message.breaks) words.push("the connection breaks");
    if (message.override) words.push("as the plan dictates");
    return words.join(", ");
  }

  // ordinary tells whether a message needs no word on its fate.
  function ordinary(message) {
    return (message.fate === "delivered" || message.fate === "open") && !message.duplicate && !message.late && !message.damaged && !message.breaks && !message.override;
  }

  // causes returns the events from which there is a way to an event: earlier ones of the
  // same lane, and the sending of messages that arrived there. It is Lamport's happened-before.
  function causes(m, event) {
    const before = new Map(); // the event before each one in its lane
    const last = new Map();
    for (let i = 0; i <= event; i++) {
      const lane = m.events[i].lane;
      before.set(i, last.get(lane));
      last.set(lane, i);
    }
    const found = new Set();
    const open = event === m.violation?.event ? [event, ...m.guilty] : [event]; // the world may show what others did
    while (open.length > 0) {
      const i = open.pop();
      if (i === undefined || i > event || found.has(i)) continue;
      found.add(i);
      const e = m.events[i];
      if (e.lane !== 0) open.push(before.get(i));
      if (e.message !== undefined) open.push(m.messages[e.message].sent);
    }
    return [...found].sort((a, b) => a - b);
  }

  // weighty tells whether a mark is about a value that is chosen, or what a client learnt:
  // other reports are many in some systems.
  function weighty(mark) {
    return mark.kind === "response" || mark.kind === "observation" && /^(chosen|chose|appl|learn|commit|decid|elect|deliver|stopped|panic)/i.test(mark.name ?? mark.text);
  }

  // effective returns the events that sent something, changed the state of a node, have a
  // mark, or were more than a message or a timer; and one that is chosen.
  function effective(m, chosen) {
    const changed = new Set((m.run.states?.changes ?? []).map((c) => c.event));
    const quiet = new Set(["receive", "timer", "disk"]);
    return m.events.map((_, i) => i).filter((i) => !quiet.has(m.events[i].kind) || m.sent(i).length > 0 || m.marked(i).length > 0 ||
      changed.has(i) || m.guilty.has(i) || i === m.wrong || i === m.noReturn || i === chosen || i === m.violation?.event);
  }

  // repeats tells whether a mark says what stands beside it anyway: that a message was sent,
  // or taken.
  function repeats(m, event, mark) {
    const [verb, text] = mark.kind === "observation" ? [mark.text.split(" ", 1)[0], mark.text.replace(/^\S+ /, "")] : ["", ""];
    if (verb === "sends") return m.sent(event).some((i) => m.messages[i].text === text);
    return (verb === "receives" || verb === "takes") && m.messages[m.events[event].message]?.text === text;
  }

  // whyWrong tells what the first wrong step is, if it is not where the violation shows.
  function whyWrong(m) {
    const reasons = { convergence: "From here on the nodes never held the same again.", liveness: "Here the node had to do with the operation for the last time, and it never ended as it must." };
    return reasons[m.violation.property] ?? "Here a value changed as it must not; it shows later.";
  }

  // gapAt returns the range of events around one in which the states of nodes are not known.
  function gapAt(m, event) {
    return (m.run.states?.gaps ?? []).find((g) => g.first <= event && event < g.last);
  }

  // isIgnored tells whether nothing at all came of a message that a node took; it is known
  // only where the states of nodes are.
  function isIgnored(m, event) {
    const s = m.run.states;
    if (!s?.changes || s.from > event || s.until < event || gapAt(m, event) || m.laneOf.get(m.events[event].lane)?.kind !== "node") return false;
    m.changedIn ??= new Set(s.changes.map((c) => c.event));
    return m.events[event].kind === "receive" && m.sent(event).length === 0 && m.marked(event).length === 0 && !m.changedIn.has(event);
  }

  // refusal returns the text of the message by which a node refused the one that it took.
  function refusal(m, event) {
    const taken = m.messages[m.events[event].message];
    const answer = m.sent(event).map((i) => m.messages[i]).find((x) => x.to === taken?.from && /^(reject|refus|deni)/.test(x.kind));
    return answer?.text ?? "";
  }

  // ofConnections are the kinds of events whose texts name processes by their ids.
  const ofConnections = new Set(["connection", "disconnected", "send failed"]);

  // eventText tells an event in words, without its effects.
  function eventText(m, i) {
    const e = m.events[i];
    const message = m.messages[e.message];
    if (!message) return ofConnections.has(e.kind) ? e.text.replace(/\b\d+\b/g, (id) => laneName(m, Number(id))) : e.text;
    const verb = e.kind === "receive" ? "from" : e.kind + ", from";
    return `${verb} ${laneName(m, message.from)}: ${e.text || message.text}${e.copy ? " (second copy)" : ""}`;
  }

  return { prepare, laneName, fate, ordinary, causes, weighty, effective, eventText, isIgnored, gapAt, refusal, repeats, whyWrong };
})();
