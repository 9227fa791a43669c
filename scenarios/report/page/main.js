// main: connects the parts of the page.
const page = (() => {
  const doc = JSON.parse(dom.byId("document").textContent);
  const models = (doc.runs ?? []).map(() => null);
  const now = { run: 0, event: 0, question: "", only: "", hits: null, unfolded: new Set() };
  const modelOf = (i) => models[i] ??= model.prepare(doc.runs[i]);
  const m = () => modelOf(now.run);
  let rows = null;

  const view = {};

  function start() {
    theme.start(dom.byId("theme"), recolor);
    if (models.length === 0) {
      dom.byId("sentence").textContent = format.name(doc.sentence || "This report has no run.");
      return;
    }
    view.stage = stage.open(dom.byId("stage"), choose, unfold);
    view.details = details.open(dom.byId("details"), go, (event) => view.trace.go(m().events[event].n));
    view.scrubber = scrubber.open(dom.byId("scrubber"), (row) => choose(rows.event(row)), { violation: () => go(m().violation.event), wrong: () => go(m().wrong) });
    view.questions = questions.open(dom.byId("questions"), { ask, show: restrict, step });
    runButtons();
    legend.show(dom.byId("signs"), doc.kind);
    needs.show(dom.byId("necessity"), dom.byId("needs"), doc.necessity);
    nearest.show(dom.byId("nearest"), dom.byId("difference"), doc, modelOf(0), (event) => { if (now.run !== 0) enter(0); go(event); }, enter);
    follow();
    window.addEventListener("hashchange", follow);
    document.addEventListener("keydown", key);
    window.addEventListener("beforeprint", () => print(true));
    window.addEventListener("afterprint", () => print(false));
  }

  // follow shows what the address says; without one, the first wrong step.
  function follow() {
    const place = address.read();
    const named = doc.runs.findIndex((r) => r.name === place.run);
    openRun(named < 0 ? 0 : named);
    const event = place.event === null ? -1 : m().link.find(place.event);
    now.event = event >= 0 ? event : beginning();
    now.question = place.question;
    now.only = ["every", "effect", "hits", "causes", "differs"].includes(place.only) ? place.only : "";
    answer();
    arrange();
    go(now.event);
  }

  // beginning returns the event that is shown first: the first wrong step, or else where it is
  // hardest to judge.
  function beginning() {
    const hard = m().run.hardest;
    return m().wrong ?? (hard ? Math.min(m().place(hard.from), Math.max(0, m().events.length - 1)) : 0);
  }

  function runButtons() {
    const names = { shrunk: "the shrunk run", full: "the full run", plan: "the run", passing: "the nearest that passes" };
    const root = dom.byId("runs");
    root.hidden = doc.runs.length < 2;
    root.replaceChildren(...doc.runs.map((r, i) => dom.el("button", {
      type: "button", "data-run": i, onclick: () => enter(i),
    }, `${names[r.name] ?? r.name}, ${verdict.size(r)}`)));
  }

  // enter opens a run at its first wrong step.
  function enter(i) {
    openRun(i);
    now.event = m().wrong ?? 0;
    now.only = "";
    answer();
    arrange();
    go(now.event);
  }

  function openRun(i) {
    now.run = i;
    now.unfolded = new Set();
    for (const b of dom.byId("runs").children) b.setAttribute("aria-pressed", String(Number(b.dataset.run) === i));
    verdict.show(doc, m(), go);
    holdings.show(dom.byId("holdings"), m(), go);
    rows = layout.rows(m().events.length);
    view.stage.setRun(m(), rows);
    view.questions.setRun(m(), nearest.differs(doc, now.run).length > 0, doc.kind, folds.of(m()).length > 0);
    operations.show(dom.byId("operations"), m(), go);
    found.show(dom.byId("order"), dom.byId("found"), m(), go);
    noReturn.show(dom.byId("certain"), dom.byId("noreturn"), m(), go);
    view.trace = trace.show(dom.byId("raw"), dom.byId("trace"), m());
  }

  // choose shows an event everywhere.
  function choose(event, center = false) {
    if (event < 0 || event >= m().events.length) return;
    now.event = event;
    view.stage.select(event, center);
    view.details(m(), event);
    view.scrubber(m(), rows, event);
    address.write({ run: m().run.name, event: m().link.name(event), question: now.question, only: now.only });
  }

  // go chooses an event from outside of the diagram, even if it is not among the rows.
  function go(event) {
    if (!rows.shows(event) && now.only !== "") {
      now.only = "";
      arrange();
    }
    const fold = folds.around(m(), event);
    if (!rows.shows(event) && fold) {
      now.unfolded.add(fold.from);
      arrange();
    }
    choose(event, true);
  }

  // unfold shows all events of a loop.
  function unfold(fold) {
    now.unfolded.add(fold.from);
    arrange();
    choose(fold.from);
  }

  function ask(text) {
    now.question = text;
    answer();
    if (now.only === "hits") arrange();
    choose(now.event);
  }

  // answer finds the events of the question, and tells how many there are.
  function answer() {
    now.hits = null;
    const text = now.question.trim();
    if (text === "") {
      view.questions.tell("");
    } else {
      const q = query.parse(text);
      if (q.error) {
        view.questions.tell(q.error, true);
      } else {
        m().lines ??= lines.of(m());
        const found = query.run(q, m().lines);
        now.hits = new Set(found.map((i) => m().lines[i].event));
        view.questions.tell(found.length === now.hits.size ? format.count(found.length, "hit") : `${format.count(found.length, "hit")} in ${format.count(now.hits.size, "event")}`);
      }
    }
    view.stage.setHits(now.hits);
  }

  function restrict(what) {
    now.only = what;
    arrange();
    choose(now.event, true);
  }

  // arrange chooses the rows: all events, with loops folded, or some of them.
  function arrange() {
    let chosen = null;
    const folded = now.only === "" ? folds.of(m()).filter((f) => !now.unfolded.has(f.from)) : [];
    if (now.only === "hits" && now.hits) chosen = [...now.hits];
    if (now.only === "effect") chosen = model.effective(m(), now.event);
    if (now.only === "differs") chosen = nearest.differs(doc, now.run);
    if (now.only === "causes") chosen = model.causes(m(), now.event);
    rows = folded.length > 0 ? layout.folded(m().events.length, folded) : layout.rows(m().events.length, chosen);
    view.stage.setRows(rows);
    view.questions.set(now.question, now.only);
  }

  // step goes to the next hit, or the one before.
  function step(by) {
    const hits = [...(now.hits ?? [])];
    if (hits.length === 0) return;
    const next = by > 0 ? hits.find((e) => e > now.event) ?? hits[0] : hits.findLast((e) => e < now.event) ?? hits.at(-1);
    go(next);
  }

  function move(by) {
    if (rows.count === 0) return;
    const row = rows.position(now.event);
    const to = Number.isInteger(row) ? row + by : by > 0 ? Math.ceil(row) : Math.floor(row);
    choose(rows.event(Math.max(0, Math.min(rows.count - 1, to))));
  }

  const keys = {
    ArrowDown: () => move(1), ArrowUp: () => move(-1), j: () => move(1), k: () => move(-1),
    PageDown: () => move(20), PageUp: () => move(-20), Home: () => move(-Infinity), End: () => move(Infinity),
    n: () => step(1), N: () => step(-1), v: () => m().violation && go(m().violation.event), w: () => m().violation && go(m().wrong),
    Enter: () => rows.fold(now.event) && unfold(rows.fold(now.event)),
    "+": () => view.stage.zoom(1.25), "=": () => view.stage.zoom(1.25), "-": () => view.stage.zoom(0.8),
    ArrowLeft: () => view.stage.sideways(-40), ArrowRight: () => view.stage.sideways(40),
    "/": () => view.questions.focus(),
  };
  const anywhere = new Set(["n", "N", "v", "w", "/"]);

  // key obeys keys of the diagram while it has the focus, and a few of them anywhere but
  // in fields.
  function key(e) {
    const field = e.target.closest("input, select, textarea");
    if (field || e.ctrlKey || e.metaKey || e.altKey) return;
    const inStory = e.target.closest("#stage");
    const f = inStory || anywhere.has(e.key) ? keys[e.key] : undefined;
    if (!f || (e.target.closest("button") && inStory && (e.key.startsWith("Arrow") || e.key === "Enter"))) return;
    e.preventDefault();
    f();
  }

  function recolor() {
    view.stage?.recolor();
    legend.show(dom.byId("signs"), doc.kind);
  }

  function print(on) {
    theme.paper(on);
    view.stage.recolor();
    view.stage.print(on);
    if (!on) choose(now.event, true);
  }

  return { start, now, choose, stats: () => view.stage.stats(), lanes: () => view.stage.lanes(), rows: () => rows, model: m };
})();

page.start();
