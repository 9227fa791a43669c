// folds: the loops of a run, as retries without end: stretches of events that have been seen
// before and will be again. A list of all of them hides what is different.
const folds = (() => {
  const firsts = 2; // events of a kind that are kept at its beginning
  const fewest = 6; // events of a kind that are a loop
  const shortest = 10; // events that are worth a fold
  const mostEvents = 20000; // of a run in which loops are looked for
  const cache = new WeakMap();

  // of returns the folds of a run, in order: {from, to, count, like}, where like is an event
  // that the fold has count times, but for numbers.
  function of(m) {
    if (!cache.has(m)) cache.set(m, find(m));
    return cache.get(m);
  }

  function find(m) {
    if (m.messages.length === 0 || m.events.length > mostEvents) return []; // a history has no loops of processes
    const shapes = m.events.map((_, i) => shape(m, i));
    const total = new Map(), seen = new Map();
    for (const s of shapes) total.set(s, (total.get(s) ?? 0) + 1);
    const list = [];
    let from = -1;
    const end = (i) => {
      if (from >= 0 && i - from >= shortest) list.push(describe(shapes, from, i - 1));
      from = -1;
    };
    shapes.forEach((s, i) => {
      const n = (seen.get(s) ?? 0) + 1;
      seen.set(s, n);
      const repeats = total.get(s) >= fewest && n > firsts && n < total.get(s);
      if (!repeats || matters(m, i)) end(i);
      else if (from < 0) from = i;
    });
    end(m.events.length);
    return list;
  }

  // shape returns what an event has in common with its repeats: all but numbers.
  function shape(m, i) {
    const e = m.events[i];
    const marks = m.marked(i).map((k) => m.marks[k]).filter((x) => x.kind === "observation" || x.kind === "response").map((x) => x.text);
    const sent = m.sent(i).map((k) => `${m.messages[k].to} ${m.messages[k].kind} ${m.messages[k].fate}`);
    return `${e.lane} ${e.kind} ${[model.eventText(m, i), ...marks].join(";").replace(/\b\w*\d[\w.]*/g, "#")} ${sent.join(";")}`;
  }

  // matters tells whether the reader has to see an event.
  function matters(m, i) {
    return m.guilty.has(i) || m.led.has(i) || i === m.wrong || i === m.violation?.event || i === m.noReturn || m.events[i].lane === 0 || m.events[i].kind === "boot" || m.events[i].kind === "crash";
  }

  // describe returns a fold with the event that it has most often.
  function describe(shapes, from, to) {
    const counts = new Map();
    let like = from;
    for (let i = from; i <= to; i++) {
      counts.set(shapes[i], (counts.get(shapes[i]) ?? 0) + 1);
      if (counts.get(shapes[i]) > counts.get(shapes[like])) like = i;
    }
    return { from, to, count: counts.get(shapes[like]), like };
  }

  // around returns the fold that has an event.
  function around(m, event) {
    return of(m).find((f) => f.from <= event && event <= f.to);
  }

  return { of, around };
})();
