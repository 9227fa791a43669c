// stage: the diagram with the list of events beside it, in one box that scrolls. A row of
// the list stands at the height of its event in the diagram.
const stage = (() => {
  const heights = { least: 4, first: 24, most: 48 };
  const textHeight = 18; // what the text of a row needs
  const fewLanes = 10;
  const widest = 88; // pixels of a lane
  const tail = 1.5; // rows below the last one, for messages that are under way
  const margin = 400; // pixels drawn beyond what is visible, so that scrolling needs no drawing

  // open makes a stage in an element. choose(event) is called when the reader chooses an
  // event, unfold(fold) when a row with a folded loop is clicked.
  function open(root, choose, unfold) {
    const s = {
      root, choose, unfold, m: null, rows: null, selected: 0, hits: null, rowHeight: heights.first,
      order: [], collapsed: new Set(), offset: 0, colors: theme.colors(), drawn: { top: -1, bottom: -1, items: 0, draws: 0 },
    };
    s.head = dom.el("div", { class: "lanes", role: "toolbar", "aria-label": "lanes" });
    s.canvas = dom.el("canvas", { role: "img" });
    s.list = dom.el("div", { class: "rows", role: "listbox", tabindex: 0, "aria-label": "events in order" });
    s.content = dom.el("div", { class: "content" }, s.canvas, s.list);
    s.box = dom.el("div", { class: "box" }, s.head, s.content);
    s.map = overview.open((row) => scrollTo(s, row));
    root.replaceChildren(s.box, s.map.canvas);
    s.box.addEventListener("scroll", () => later(s));
    new ResizeObserver(() => arrange(s)).observe(s.box);
    listen(s);
    return {
      setRun: (m, rows) => setRun(s, m, rows),
      setRows: (rows) => setRows(s, rows),
      setHits(hits) { s.hits = hits; renew(s); },
      select: (event, center) => select(s, event, center),
      zoom: (factor) => zoom(s, factor),
      recolor() { s.colors = theme.colors(); renew(s); },
      print: (on) => print(s, on),
      sideways: (dx) => sideways(s, dx),
      focus: () => s.list.focus({ preventScroll: true }),
      stats: () => ({ ...s.drawn, domRows: s.list.childElementCount, rowHeight: s.rowHeight }),
      lanes: () => ({ order: s.order, collapsed: [...s.collapsed] }),
    };
  }

  function setRun(s, m, rows) {
    s.m = m;
    s.order = m.lanes.filter((l) => l.kind !== "world").map((l) => l.id);
    s.collapsed = idle(m, s.order);
    s.order = [...s.order.filter((id) => !s.collapsed.has(id)), ...s.collapsed];
    s.offset = 0;
    // At first the whole stage is in the window, whatever stands above it.
    document.documentElement.style.setProperty("--top", s.root.offsetTop + "px");
    setRows(s, rows);
  }

  // idle returns the lanes that do nothing but begin, if there are too many to show all:
  // they stand collapsed behind the others.
  function idle(m, order) {
    if (order.length <= fewLanes) return new Set();
    const busy = new Set([...m.events.filter((e) => e.kind !== "boot"), ...m.operations].map((x) => x.lane));
    return new Set(order.filter((id) => !busy.has(id)));
  }

  function setRows(s, rows) {
    s.rows = rows;
    s.index = scene.index(s.m, rows);
    arrange(s);
  }

  // arrange works out all places, and draws.
  function arrange(s) {
    if (!s.m || s.box.clientWidth === 0) return;
    const width = s.box.clientWidth;
    const narrow = width < 640;
    const wide = (s.m.events.at(-1)?.n ?? 0) >= 1e5 ? 16 : 0; // for numbers of six digits
    s.gutter = narrow ? 66 : 112 + wide;
    s.box.style.setProperty("--number", 46 + wide + "px");
    const room = Math.min(width * (narrow ? 0.42 : 0.5), s.order.length * widest);
    s.lanes = layout.lanes(s.order, s.collapsed, room, narrow ? 30 : 40, widest);
    s.paneWidth = Math.min(room, s.lanes.width);
    s.offset = Math.max(0, Math.min(s.offset, s.lanes.width - s.paneWidth));
    s.box.style.setProperty("--gutter", s.gutter + "px");
    s.box.style.setProperty("--pane", s.paneWidth + "px");
    s.box.style.setProperty("--row", Math.max(s.rowHeight, textHeight) + "px");
    const height = (s.rows.count + tail) * s.rowHeight;
    s.content.style.height = height + "px";
    s.root.style.setProperty("--story", height + s.head.offsetHeight + 4 + "px");
    laneHead.draw(s);
    renew(s);
  }

  // renew draws all, the overview too.
  function renew(s) {
    if (!s.m || !s.lanes) return;
    s.map.set(s);
    again(s);
  }

  // later draws once before the next frame, if it has to.
  function later(s) {
    if (!s.waiting) requestAnimationFrame(() => { s.waiting = false; show(s); });
    s.waiting = true;
  }

  // again draws even what is drawn already.
  function again(s) {
    s.drawn.top = s.drawn.bottom = -1;
    if (s.m) show(s);
  }

  // show draws what is visible, unless the part that is drawn has it.
  function show(s) {
    const top = s.box.scrollTop, height = s.printing ? s.content.clientHeight : s.box.clientHeight;
    s.map.window(top, height);
    if (s.drawn.top >= 0 && s.drawn.top <= top && s.drawn.bottom >= Math.min(top + height, s.content.clientHeight)) return;
    const whole = Math.max(1, (s.rows.count + tail) * s.rowHeight);
    s.drawn.top = Math.max(0, Math.floor(top - margin));
    s.drawn.bottom = Math.min(whole, Math.ceil(top + height + margin));
    drawCanvas(s);
    drawRows(s);
    s.drawn.draws++;
  }

  function drawCanvas(s) {
    const height = s.drawn.bottom - s.drawn.top;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    s.canvas.width = Math.max(1, Math.round(s.paneWidth * ratio));
    s.canvas.height = Math.max(1, Math.round(height * ratio));
    Object.assign(s.canvas.style, { width: s.paneWidth + "px", height: height + "px", top: s.drawn.top + "px" });
    s.canvas.setAttribute("aria-label", `Space-time diagram of ${format.count(s.order.length, "lane")} and ${format.count(s.rows.count, "row")}; the list of events tells the same`);
    const ctx = s.canvas.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    s.drawn.items = diagram.draw(ctx, {
      m: s.m, rows: s.rows, index: s.index, rowHeight: s.rowHeight, top: s.drawn.top, width: s.paneWidth, height,
      lanes: shifted(s), selected: s.selected, hits: s.hits, colors: s.colors,
    });
  }

  // shifted returns the lanes where they are when the pane is moved sideways.
  function shifted(s) {
    if (s.offset === 0) return s.lanes;
    const of = new Map([...s.lanes.of].map(([id, l]) => [id, { x: l.x - s.offset, width: l.width, center: l.center - s.offset }]));
    return { of, width: s.lanes.width - s.offset };
  }

  function drawRows(s) {
    const { first, last } = layout.visible(s.rows.count, s.rowHeight, s.drawn.top, s.drawn.bottom - s.drawn.top);
    const important = [s.rows.position(s.selected)];
    if (s.m.violation) important.push(s.rows.position(s.m.wrong), s.rows.position(s.m.violation.event));
    for (const e of s.m.guilty) important.push(s.rows.position(e));
    if (s.hits && s.rowHeight < textHeight) for (let r = first; r <= last; r++) if (s.hits.has(s.rows.event(r))) important.push(r);
    const shown = layout.labels(first, last, s.rowHeight, textHeight, important.filter(Number.isInteger));
    s.list.replaceChildren(...shown.map((row) => eventRow.element(s, row)));
    s.list.setAttribute("aria-activedescendant", "event-" + s.selected);
  }

  function select(s, event, center) {
    s.selected = event;
    const row = Math.floor(s.rows.position(event));
    const y = row * s.rowHeight, top = s.box.scrollTop, height = s.box.clientHeight - s.head.offsetHeight;
    if (center || y < top + 2 * s.rowHeight || y > top + height - 3 * s.rowHeight) scrollTo(s, row, center ? 0.5 : y < top + height / 2 ? 0.2 : 0.8);
    again(s);
  }

  function scrollTo(s, row, part = 0.5) {
    s.box.scrollTop = (row + 0.5) * s.rowHeight - (s.box.clientHeight - s.head.offsetHeight) * part;
  }

  // zoom makes rows higher or lower; what is at a height of the window stays there.
  function zoom(s, factor, at = s.box.clientHeight / 2) {
    const height = Math.max(heights.least, Math.min(heights.most, s.rowHeight * factor));
    const below = at - s.head.offsetHeight; // the names of the lanes
    const row = (s.box.scrollTop + below) / s.rowHeight;
    s.rowHeight = height;
    arrange(s);
    s.box.scrollTop = row * height - below;
    again(s);
  }

  // print unfolds the list for paper, up to what fits on some pages, around the chosen event.
  function print(s, on) {
    const limit = 400;
    if (!s.m) return;
    s.printing = on;
    s.root.classList.toggle("printing", on);
    if (on) {
      s.before = s.rows;
      const from = Math.max(0, Math.min(s.rows.position(s.selected) - limit / 2, s.rows.count - limit));
      const chosen = Array.from({ length: Math.min(limit, s.rows.count) }, (_, i) => s.rows.event(Math.floor(from) + i));
      setRows(s, layout.rows(s.m.events.length, chosen));
    } else if (s.before) {
      setRows(s, s.before);
    }
  }

  function listen(s) {
    s.box.addEventListener("wheel", (e) => wheel(s, e), { passive: false });
    gestures.listen(s.content, {
      click: (e) => choose(s, e),
      pans: (e) => e.clientX - s.content.getBoundingClientRect().left < s.gutter + s.paneWidth,
      pan(dx, dy) { s.box.scrollTop -= dy; sideways(s, -dx); },
      pinch: (factor, y) => zoom(s, factor, y - s.box.getBoundingClientRect().top),
    });
    s.list.addEventListener("mouseover", (e) => {
      const cell = e.target.closest(".what");
      if (cell) cell.title ||= cell.textContent; // which may be cut off
    });
    laneHead.listen(s, () => arrange(s));
  }

  function choose(s, e) {
    const y = e.clientY - s.content.getBoundingClientRect().top;
    const row = Math.max(0, Math.min(s.rows.count - 1, Math.floor(y / s.rowHeight)));
    const event = s.rows.event(row), fold = s.rows.fold(event);
    if (fold) s.unfold(fold);
    else s.choose(event);
    s.list.focus({ preventScroll: true });
  }

  function wheel(s, e) {
    if (e.ctrlKey || e.metaKey) {
      e.preventDefault();
      zoom(s, Math.exp(-e.deltaY / 200), e.clientY - s.box.getBoundingClientRect().top);
    } else if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) {
      e.preventDefault();
      sideways(s, e.deltaX || e.deltaY);
    }
  }

  function sideways(s, dx) {
    const most = Math.max(0, s.lanes.width - s.paneWidth);
    const offset = Math.max(0, Math.min(most, s.offset + dx));
    if (offset === s.offset) return;
    s.offset = offset;
    laneHead.draw(s);
    again(s);
  }

  return { open };
})();
