// verdict: the head of the page: what broke, why that is wrong, how to see it again, and
// what the seed chose.
const verdict = (() => {
  // show fills the head for a run; go(event) chooses an event.
  function show(doc, m, go) {
    const { el, byId } = dom;
    const recorded = doc.kind === "history";
    const words = recorded ? { ...verdicts, passed: "✓ linearizable" } : verdicts;
    document.title = format.name(`${doc.signature || words[doc.status]?.slice(2) || doc.status}: ${doc.system}` + (recorded ? "" : `, seed ${doc.seed}`));
    byId("what").replaceChildren(el("strong", {}, recorded ? "Lockstep check" : "Lockstep report"), " · ", el("bdi", { title: doc.about }, doc.system), recorded ? `, ${doc.about}` : `, seed ${doc.seed}`);
    byId("status").replaceChildren(...status(doc, m, words));
    const [sentence, ...rest] = (m.violation?.sentence || m.run.sentence || doc.sentence || "").split("\n");
    const head = headline.of(sentence);
    byId("sentence").textContent = format.name(head);
    byId("expected").hidden = !m.violation?.expected;
    byId("expected").replaceChildren(dom.el("strong", {}, "Expected: "), m.violation?.expected ?? "", ".");
    byId("rest").replaceChildren(...head === sentence ? [] : [el("details", {}, el("summary", {}, "The whole sentence"), el("p", {}, sentence))], ...rest.length > 0 ? [dom.lines(rest.join("\n"))] : []);
    byId("why").replaceChildren(...why(doc, m, go));
    byId("left").replaceChildren(...causes.list(m, go), ...remains(doc, m.run));
    byId("repeat").replaceChildren(...repeat(doc));
    byId("chosen").replaceChildren(...chosen(doc, m));
    byId("seed").hidden = recorded;
    byId("about").replaceChildren(about(doc, m));
  }

  const verdicts = { violated: "✖ violated", undecided: "? undecided", passed: "✓ passed" };

  function status(doc, m, words) {
    const parts = [dom.el("span", { class: "badge " + m.run.status }, words[m.run.status] ?? m.run.status)];
    const signature = m.run.signature || (m.run.status === "passed" ? "" : doc.signature);
    if (signature) parts.push(" ", dom.el("code", { title: signature }, headline.middle(signature)));
    if (m.violation) parts.push(" ", dom.el("span", {}, `at ${format.time(m.violation.at)}`), m.events[m.violation.event] ? `, event ${m.events[m.violation.event].n}` : "");
    if (m.violation && m.wrong !== m.violation.event) parts.push(`; the first wrong step is event ${m.events[m.wrong]?.n}`);
    if (m.run.signature && m.run.signature !== doc.signature) parts.push(dom.el("span", { class: "note" }, ` (this run; the report is of ${doc.signature})`));
    return parts;
  }

  // why lists the facts behind a violation, and the events that contradict each other.
  function why(doc, m, go) {
    const v = m.violation, parts = [];
    const facts = [v?.premise, ...(v?.facts ?? [])].filter(Boolean);
    if (facts.length > 0) parts.push(dom.el("h2", {}, "Why that is wrong"), dom.el("ul", {}, facts.slice(0, 12).map((f) => dom.el("li", {}, f))));
    const events = withWrong(m, (v?.events ?? []).filter((e) => m.events[e]));
    if (v?.rows?.length > 0) parts.push(dom.el("h2", {}, "What contradicts each other"), contradiction.table(m, go));
    else if (events.length > 0) parts.push(dom.el("h2", {}, events.length > 1 ? "What contradicts each other" : "Where it shows"), ...moments.list(m, events.map((e) => moments.told(m, e)), go, "contradicting"));
    parts.push(...nearest.brief(doc, m, go));
    if (m.run.hardest) parts.push(...hardest(m, go));
    if (m.run.evidence) parts.push(dom.el("details", {}, dom.el("summary", {}, m.violation ? "More about the violation" : "The verdict as text"), dom.lines(m.run.evidence)));
    return parts;
  }

  // withWrong adds the first wrong step to events that contradict each other.
  function withWrong(m, events) {
    return events.length > 1 && m.events[m.wrong] ? [...new Set([...events, m.wrong])].sort((a, b) => a - b) : events;
  }

  // hardest tells why a history is undecided, and what would help.
  function hardest(m, go) {
    const h = m.run.hardest, { el } = dom;
    const at = h.overlapping > 0 ? [el("button", { type: "button", class: "jump", onclick: () => go(m.place(h.from)) }, format.time(h.from)), ` to ${format.time(h.to)}: `] : [];
    return [el("h2", {}, "Where it is hardest"),
      el("p", {}, at, `${format.count(h.overlapping, "operation")} in flight that may change it`, h.unknown ? `; ${h.unknown} of unknown outcome may take effect there` : "", ". ",
        (h.operations ?? []).map((id, i) => [i > 0 ? ", " : "", contradiction.link(m, id, go)])),
      el("h2", {}, "What would help"), el("ul", {}, (h.help ?? []).map((t) => el("li", {}, t)))];
  }

  // remains lists a plan's parts, if they are few: nothing else makes the failure.
  function remains(doc, run) {
    const plan = run.plan ?? {};
    const all = [...(plan.operations ?? []), ...(plan.faults ?? []), ...(plan.overrides ?? []).map((o) => "message " + o)];
    if (all.length === 0 || all.length > 8) return [];
    const before = run.name === "shrunk" ? doc.shrinking?.before : null;
    const title = before ? `All that is left of ${format.count(before.operations, "operation")} and ${format.count(before.faults, "fault")}` : "All that the plan has";
    return [dom.el("h2", {}, title), dom.el("ul", { class: "parts" }, all.map((t) => dom.el("li", {}, dom.el("code", {}, t))))];
  }

  function repeat(doc) {
    if (!doc.repeat) return [];
    const line = dom.el("code", { id: "line", tabindex: 0 }, doc.repeat);
    const said = dom.el("span", { role: "status" });
    const button = dom.el("button", { type: "button", onclick: () => copy(doc.repeat, line, said) }, "Copy");
    return [dom.el("span", { class: "note" }, "See it again: "), line, button, said];
  }

  // copy puts text on the clipboard, or marks it for the reader where pages may not.
  async function copy(text, line, said) {
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(line);
      said.textContent = "marked: press Ctrl+C";
    }
  }

  function chosen(doc, m) {
    const plan = m.run.plan ?? {};
    const parts = [];
    const s = doc.shrinking;
    if (s) {
      const size = (x) => [format.count(x.operations, "operation"), format.count(x.faults, "fault"), format.count(x.overrides, "fixed message")].join(", ");
      parts.push(dom.el("p", {}, `Shrunk from ${size(s.before)} to ${size(s.after)}.`));
    }
    const list = (title, texts) => {
      if (texts?.length > 0) parts.push(dom.el("h3", {}, title), longList(texts));
    };
    list("Topology, knobs, network and disks", plan.summary);
    if (plan.families?.length > 0) parts.push(dom.el("h3", {}, "Families of faults"), dom.el("p", {}, plan.families.join(", ")));
    list("Faults", plan.faults);
    list("Messages whose fate the plan fixes", plan.overrides);
    list("Operations", plan.operations);
    return parts;
  }

  // longList shows the first texts of a list, and the others when asked.
  function longList(texts, first = 12) {
    const ul = dom.el("ul", { class: "plain" }, texts.slice(0, first).map((t) => dom.el("li", {}, t)));
    if (texts.length <= first) return ul;
    const button = dom.el("button", {
      type: "button",
      onclick() {
        ul.append(...texts.slice(first).map((t) => dom.el("li", {}, t)));
        button.remove();
      },
    }, `${format.count(texts.length - first, "more", "more")}`);
    return dom.el("div", {}, ul, button);
  }

  function about(doc, m) {
    const b = doc.build ?? {};
    const build = [b.module, b.version, b.revision?.slice(0, 12), b.modified ? "with further changes" : "", b.go].filter(Boolean).join(" ");
    const cut = [...(doc.cut ?? [])];
    return dom.el("div", {},
      cut.length > 0 ? dom.el("ul", {}, cut.map((c) => dom.el("li", {}, c))) : null,
      dom.el("p", {}, doc.kind === "history" ? `${format.count(m.operations.length, "operation")} of ${format.count(m.run.plan?.clients ?? 0, "client")}, ${format.time(m.run.end ?? 0)}.` :
        `Run “${m.run.name}”: ${size(m.run)}, ${format.time(m.run.end ?? 0)} of virtual time, hash ${m.run.hash}.`),
      build ? dom.el("p", {}, "Build: " + build) : null);
  }

  // size tells how many events a run has, by the numbers that they have everywhere.
  function size(run) {
    const shown = (run.events ?? []).length, all = run.count || shown;
    return run.first > 0 || run.last < all ? `${shown.toLocaleString("en")} of ${format.count(all, "event")}` : format.count(all, "event");
  }

  return { show, size };
})();
