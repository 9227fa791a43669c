// eventRow: one event in the list beside the diagram, as text.
const eventRow = (() => {
  // element returns the element of a row.
  function element(s, row) {
    const event = s.rows.event(row), e = s.m.events[event];
    const previous = row > 0 ? s.m.events[s.rows.event(row - 1)] : null;
    const fold = s.rows.fold(event);
    if (fold) return folded(s, row, fold);
    const violated = event === s.m.violation?.event, guilty = s.m.guilty.has(event), wrong = event === s.m.wrong && !violated;
    const classes = ["row"];
    if (event === s.selected) classes.push("selected");
    if (violated || wrong) classes.push("violated");
    if (s.m.violation && event > s.m.violation.event) classes.push("after");
    if (guilty) classes.push("guilty");
    if (s.hits?.has(event)) classes.push("hit");
    return dom.el("div", {
      id: "event-" + event, class: classes.join(" "), role: "option", "aria-selected": String(event === s.selected),
      "aria-setsize": s.rows.count, "aria-posinset": row + 1,
      style: { top: row * s.rowHeight + (s.rowHeight - Math.max(s.rowHeight, 18)) / 2 + "px" },
    }, ...cells(s.m, event, e, previous, { violated, guilty, wrong, hit: s.hits?.has(event), selected: event === s.selected }));
  }

  // folded returns the row of a loop that is folded.
  function folded(s, row, fold) {
    const e = s.m.events[fold.from], until = s.m.events[fold.to];
    const text = `… ${format.count(fold.to - fold.from + 1, "event")}, ${format.count(fold.count, "repeat")} of `;
    return dom.el("div", {
      id: "event-" + fold.from, class: "row fold" + (fold.from === s.selected ? " selected" : ""), role: "option", "aria-selected": String(fold.from === s.selected),
      "aria-setsize": s.rows.count, "aria-posinset": row + 1, title: `events ${e.n} to ${until.n}, until ${format.time(until.at)}: click to unfold`,
      style: { top: row * s.rowHeight + (s.rowHeight - Math.max(s.rowHeight, 18)) / 2 + "px" },
    }, dom.el("span", { class: "number" }, String(e.n)), dom.el("span", { class: "time" }, format.short(e.at)),
    dom.el("span", { class: "what" }, text, dom.el("bdi", { class: "lane" }, model.laneName(s.m, s.m.events[fold.like].lane)), " ",
      dom.el("bdi", {}, words(s.m, fold.like, s.m.events[fold.like])), dom.el("span", { class: "note" }, " — unfold")));
  }

  function cells(m, event, e, previous, is) {
    const gap = previous ? e.at - previous.at : 0;
    return [
      dom.el("span", { class: "number" }, e.n === previous?.n ? "" : String(e.n)),
      dom.el("span", { class: "time", title: format.time(e.at) + (gap > 0 ? `, ${format.short(gap)} after the row before` : "") },
        previous && gap === 0 ? "" : format.short(e.at)),
      dom.el("span", { class: "what" },
        is.violated ? flag("✖ violation", " shows here") : is.wrong ? flag("⚠ first wrong step", "") : is.guilty ? flag("!", " part of the contradiction") : null,
        event === m.noReturn ? flag("⚑", " point of no return") : null,
        is.hit ? dom.el("span", { class: "found" }, "◉ hit") : null,
        dom.el("bdi", { class: "lane" }, model.laneName(m, e.lane)), " ",
        dom.el("bdi", {}, words(m, event, e) + " "), reports(m, event), effects(m, event, is.selected)),
    ];
  }

  // flag returns a sign with its meaning, which is hidden from the eye only.
  function flag(sign, meaning) {
    return dom.el("strong", { class: "flag", title: sign + meaning }, sign, dom.el("span", { class: "meaning" }, meaning));
  }

  // words tells the event; a boot or call as it stands, a message with its sender.
  function words(m, event, e) {
    return brief(m, e.message === undefined ? model.eventText(m, event) : `← ${model.eventText(m, event).replace(/^from /, "")}`);
  }

  // brief leaves the key out of a text, if the run has one only: the head of the list has it.
  // It leaves out by which number a node calls its client, too: the operation names that.
  function brief(m, full) {
    const text = full.replace(/ of client \d{4,}(?=,|$)/, "");
    const objects = m.run.plan?.objects ?? [];
    if (objects.length !== 1 || !objects[0]) return text;
    const key = objects[0].replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return text.replace(new RegExp(`(^| )(?:(?:of|on|about|to|for) )?${key}(?=[ ,;]|$)( ?)`), (_, before, after) => after ? before : "");
  }

  // reports returns what the process told the oracle, behind the message that made it do so.
  function reports(m, event) {
    return m.marked(event).map((i) => m.marks[i]).filter((x) => x.kind === "observation" || x.kind === "response").filter((x) => !model.repeats(m, event, x))
      .map((x) => dom.el("bdi", { class: model.weighty(x) ? "mark" : "report", title: x.text }, `${model.weighty(x) ? "★" : "☆"} ${brief(m, headline.of(x.text))} `));
  }

  const manyRequests = 4; // to a disk: so many are counted

  // disk returns the requests of an event to its disk: all of the chosen event, otherwise a
  // count of many, or whether there was a sync.
  function disk(marks, chosen) {
    const requests = marks.filter((x) => x.kind === "sync" || x.kind === "disk");
    if (chosen && requests.length > 0) return ` ▬ ${requests.map((x) => x.text).join(", ")}`;
    if (requests.length >= manyRequests) return ` ▬ ${requests.length} disk requests`;
    return requests.some((x) => x.kind === "sync") ? " ▬ sync" : "";
  }

  // effects returns what else the event did, shortly: requests to the disk, and messages with
  // their fates.
  function effects(m, event, chosen) {
    const marks = m.marked(event).map((i) => m.marks[i]), parts = [];
    const requests = disk(marks, chosen), unsynced = marks.filter((x) => x.kind === "unsynced");
    if (requests) parts.push(dom.el("span", { class: "disk" }, requests));
    if (unsynced.length > 0) parts.push(dom.el("span", { class: "disk" }, ` ▬ ${format.count(unsynced.length, "change")} of files not synced: ${unsynced.map((x) => x.text).join("; ")}`));
    const kinds = new Map(); // by kind and fate: receivers
    for (const i of m.sent(event)) {
      const x = m.messages[i];
      const what = x.kind + (model.ordinary(x) ? "" : " " + model.fate(x));
      kinds.set(what, [...(kinds.get(what) ?? []), x.to]);
    }
    for (const [what, to] of kinds) {
      parts.push(dom.el("bdi", { class: "sent" }, ` → ${to.map((id) => model.laneName(m, id)).join(", ")}: ${what}`));
    }
    return parts;
  }

  return { element, brief };
})();
