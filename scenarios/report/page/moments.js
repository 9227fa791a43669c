// moments: the lists of events in the head of the page. A long one shows the lines that are
// nearest to the sentence of the violation, and tells which ones it leaves out.
const moments = (() => {
  const most = 8; // lines, until the reader asks for all
  const mostNamed = 12; // events that are named among the others

  // names returns what a violation names: its operations, which it has by themselves too, its
  // object, an attempt, ballots and nodes.
  function names(v) {
    const said = v.sentence.toLowerCase().match(/\b(attempt \d+|node \d+|\d+\.\d+\.\d+)\b/g) ?? [];
    return Object.assign([...new Set([...(v.operations ?? []), v.object, ...said].filter(Boolean))], { operations: v.operations ?? [] });
  }

  // nearness counts the names that a text has as whole words. Another attempt counts against
  // it, and so does the same attempt of another operation.
  function nearness(names, text) {
    const words = ` ${text.replace(/[,;:()]/g, " ").replace(/\s+/g, " ")} `;
    const has = (n) => words.includes(` ${n} `);
    const attempt = names.find((n) => n.startsWith("attempt "));
    const others = names.filter((n) => n !== attempt && has(n)).length;
    if (!attempt || !words.includes(" attempt ")) return others;
    const same = has(attempt) && names.operations.some(has);
    return others + (same ? 1 : -1);
  }

  // merged makes one line of those with the same text, at the place of the first.
  function merged(lines) {
    const byText = new Map();
    for (const line of lines) {
      const key = `${line.missing ? "missing " : ""}${line.text}`;
      const same = byText.get(key);
      if (!same) byText.set(key, { ...line, places: [...line.places] });
      else {
        same.places.push(...line.places);
        same.must ||= line.must;
        same.near = Math.max(same.near, line.near);
      }
    }
    return [...byText.values()];
  }

  // nearest returns the lines to show, in order: those that must be there, then the nearest,
  // of equals the later ones.
  function nearest(lines) {
    const ranked = lines.map((line, i) => ({ line, i })).sort((a, b) => Number(b.line.must ?? false) - Number(a.line.must ?? false) || b.line.near - a.line.near || b.i - a.i);
    return ranked.slice(0, most).sort((a, b) => a.i - b.i).map((x) => x.line);
  }

  // list returns lines {places: [{event, lane}], text, near, must, missing, note} as a list;
  // go(event) chooses an event.
  function list(m, all, go, name) {
    const lines = merged(all), shown = nearest(lines);
    const items = (some) => some.map((line) => dom.el("li", {}, element(m, line, go)));
    const ul = dom.el("ul", { class: "plain " + name }, items(shown));
    if (shown.length === lines.length) return [ul];
    const others = [...new Set(lines.filter((line) => !shown.includes(line)).flatMap((line) => line.places).map((p) => m.events[p.event]?.n).filter((n) => n !== undefined))];
    const named = others.slice(0, mostNamed).join(", ") + (others.length > mostNamed ? ", …" : "");
    const button = dom.el("button", {
      type: "button", class: "jump more",
      onclick() {
        ul.replaceChildren(...items(lines));
        more.remove();
      },
    }, "show all");
    const more = dom.el("p", { class: "note" }, `${shown.length} of ${lines.length}, the nearest to the sentence; the others are of ${others.length === 1 ? "event" : "events"} ${named}: `, button);
    return [ul, more];
  }

  function element(m, line, go) {
    const strong = (lane) => dom.el("strong", {}, dom.el("bdi", {}, model.laneName(m, lane)));
    const where = line.places.map((p, i) => {
      const e = m.events[p.event];
      return [i > 0 ? ", " : "", e ? [dom.el("button", { type: "button", class: "jump", onclick: () => go(p.event) }, `event ${e.n}`), ` ${format.short(e.at)} `] : null,
        line.missing && i === 0 ? dom.el("em", { class: "missing" }, "missing: ") : null, strong(p.lane)];
    });
    const short = headline.of(line.text);
    return [where, " ", dom.el("bdi", { title: short === line.text ? null : line.text }, short), line.note ?? ""];
  }

  // said returns the texts of reports, each once.
  function said(reports) {
    return [...new Set(reports.map((x) => x.text))];
  }

  // nearestOf returns the texts that name the most.
  function nearestOf(texts, near) {
    const top = Math.max(...texts.map(near));
    return texts.filter((text) => near(text) === top);
  }

  const requestBonus = 2; // names: what was asked for explains what came of it

  // isRequest tells whether a named operation arrives from its client in an event.
  function isRequest(m, event, named) {
    const taken = m.messages[m.events[event].message];
    if (!taken || m.laneOf.get(taken.from)?.kind === "node") return false;
    return taken.text.split(" ").some((word) => named.operations.includes(word));
  }

  // told returns the line of an event: what it reported, or else what it was.
  function told(m, event) {
    const e = m.events[event];
    const reports = m.marked(event).map((i) => m.marks[i]).filter((x) => x.kind === "observation" || x.kind === "response");
    const named = names(m.violation), near = (text) => nearness(named, text);
    const weighty = reports.filter(model.weighty), others = reports.filter((x) => x.name !== "durable");
    const texts = weighty.length > 0 ? said(weighty) : nearestOf(said(others.length > 0 ? others : reports), near).slice(-3);
    const text = texts.length > 0 ? texts.join("; ") : model.eventText(m, event);
    const about = [model.laneName(m, e.lane), model.eventText(m, event), ...reports.map((x) => x.text)].join(" ");
    return {
      places: [{ event, lane: e.lane }], text, near: near(about) + (isRequest(m, event, named) ? requestBonus : 0), must: event === m.violation.event || event === m.wrong,
      note: e.copy && texts.length > 0 ? ", from a second copy of the message" : "",
    };
  }

  return { names, nearness, merged, nearest, isRequest, list, told };
})();
