// lines: what questions are put to.
const lines = (() => {
  // Line is what questions are put to: an event, a message that is sent, or a mark, with
  // lower-case texts. They are made when a question asks for them, as few ask for all.
  class Line {
    constructor(from, event, at, lane, kind, words) {
      this.from = from;
      this.event = event;
      this.at = at;
      this.lane = lane;
      this.words = words;
      this.kind = kind.toLowerCase();
    }

    get text() { return this.textMade ??= this.words().toLowerCase(); }
    get node() { return this.from.nodes.get(this.lane) ?? ""; }
    get client() { return this.from.clients.get(this.lane) ?? ""; }
    get key() { return this.keyFound ??= this.first(this.from.keys); }
    get op() { return this.opFound ??= this.first(this.from.ops); }

    // first returns the first word of the text that is one of some names.
    first(names) {
      return this.text.split(/[\s,;:]+/).find((word) => names.has(word)) ?? "";
    }
  }

  // of returns the lines of a run, in order.
  function of(m) {
    const lower = (names) => new Set(names.map((name) => name.toLowerCase()));
    const lanes = (kinds, text) => new Map(m.lanes.filter((l) => kinds.includes(l.kind)).map((l) => [l.id, text(l)]));
    const from = {
      keys: lower([...(m.run.plan?.objects ?? []), ...m.operations.map((o) => o.key)]), ops: lower(m.operations.map((o) => o.id)),
      nodes: lanes(["node"], (l) => String(l.id)), clients: lanes(["client", "fresh"], (l) => `${l.id} ${l.name.replace(/\D+/g, "")}`),
    };
    const all = [];
    m.events.forEach((e, i) => {
      const message = m.messages[e.message];
      all.push(new Line(from, i, e.at, e.lane, message ? `${e.kind} ${message.kind}` : e.kind, () => model.eventText(m, i)));
      for (const s of m.sent(i)) {
        const x = m.messages[s];
        all.push(new Line(from, i, x.at, x.from, `send ${x.kind} ${x.fate}`, () => `send to ${model.laneName(m, x.to)} ${x.kind} ${x.text} ${model.fate(x)}`));
      }
      for (const k of m.marked(i)) {
        const x = m.marks[k];
        all.push(new Line(from, i, x.at, x.lane, `${x.kind} ${x.name ?? ""}`, () => `${x.kind} ${x.text}`));
      }
    });
    return all;
  }

  return { of };
})();
