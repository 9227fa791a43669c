// scene: what a window of rows has to draw, found by interval.
const scene = (() => {
  // index returns, for the rows that are shown, visits of arrows, spans and operations
  // that meet a range of rows. Items have top and bottom, their first and last row.
  function index(m, rows) {
    const placed = (x) => ({ ...x, top: rows.position(x.first), bottom: rows.position(x.last) });
    const inFold = (x) => x.top === x.bottom && !Number.isInteger(x.top);
    const meets = (x) => rows.count === m.events.length || rows.shows(x.message.sent) || x.ends.some((e) => rows.shows(e.event));
    return {
      arrows: over(m.arrows.filter(meets).map(placed).map((x) => ({ ...x, bottom: x.bottom + (x.ends.length ? 0 : 1) }))),
      worldSpans: over(numbered(m.spans.filter(isWorld)).map(placed)),
      laneSpans: over(laneSpans(m).map(placed)),
      calls: over(m.calls.map((x) => placed({ ...x, lane: x.op.lane })).filter((x) => !inFold(x))),
    };
  }

  const over = (items) => intervals.index(items, (x) => x.top, (x) => x.bottom);

  const isWorld = (x) => x.span.sides?.length > 0 || !(x.span.lanes?.length > 0);

  function numbered(spans) {
    const slots = layout.slots(spans);
    return spans.map((x, i) => ({ ...x, slot: slots[i] }));
  }

  // laneSpans returns the spans of each lane, numbered so that they do not hide each other.
  function laneSpans(m) {
    const byLane = new Map();
    for (const x of m.spans) {
      if (isWorld(x)) continue;
      for (const lane of x.span.lanes) {
        if (!byLane.has(lane)) byLane.set(lane, []);
        byLane.get(lane).push({ ...x, lane });
      }
    }
    return [...byLane.values()].flatMap((list) => {
      const down = list.filter((x) => x.span.kind === "down").map((x) => ({ ...x, slot: 0 }));
      return [...down, ...numbered(list.filter((x) => x.span.kind !== "down"))];
    });
  }

  return { index };
})();
