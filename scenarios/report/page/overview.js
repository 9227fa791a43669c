// overview: the whole run in a narrow strip: spans, hits, the violation, and the part that
// is visible. A click goes there.
const overview = (() => {
  const width = 22;

  // open returns {canvas, set, window}: set takes a stage whose rows, hits or colors are
  // others, window the visible part in pixels of the list.
  function open(go) {
    const canvas = dom.el("canvas", { class: "overview", "aria-hidden": "true", title: "the whole run; click to go there" });
    const o = { canvas, stage: null, still: document.createElement("canvas") };
    let held = false;
    const at = (e) => {
      if (!held || !o.stage) return;
      const box = canvas.getBoundingClientRect();
      go((e.clientY - box.top) / box.height * o.stage.rows.count);
    };
    canvas.addEventListener("pointerdown", (e) => { held = true; at(e); });
    window.addEventListener("pointermove", at);
    window.addEventListener("pointerup", () => { held = false; });
    return { canvas, set: (s) => set(o, s), window: (top, height) => drawWindow(o, top, height) };
  }

  // set draws what does not move when the list is scrolled.
  function set(o, s) {
    o.stage = s;
    o.still.width = o.canvas.width = width;
    o.still.height = o.canvas.height = Math.max(1, s.box.clientHeight);
    o.canvas.hidden = s.content.clientHeight <= s.box.clientHeight;
    if (o.canvas.hidden || s.rows.count === 0) return;
    const ctx = o.still.getContext("2d"), c = s.colors, height = o.still.height;
    const y = (event) => Math.floor(s.rows.position(event) / s.rows.count * height);
    const bar = (color, x, w, from, to) => { ctx.fillStyle = color; ctx.fillRect(x, from, w, Math.max(2, to - from)); };
    for (const x of s.m.spans) {
      const down = x.span.kind === "down";
      bar(down ? c.muted : c.cut, down ? 6 : 1, 3, y(x.first), y(x.last + 1));
    }
    for (const place of new Set([...(s.hits ?? [])].map(y))) bar(c.accent, 11, 5, place, place);
    if (s.m.violation) bar(c.danger, 5, width - 10, y(s.m.wrong), y(s.m.wrong) + 3);
    if (s.m.violation) bar(c.danger, 0, width, y(s.m.violation.event), y(s.m.violation.event) + 3);
  }

  function drawWindow(o, top, height) {
    const s = o.stage;
    if (!s || o.canvas.hidden) return;
    const ctx = o.canvas.getContext("2d"), scale = o.canvas.height / s.content.clientHeight;
    ctx.clearRect(0, 0, width, o.canvas.height);
    ctx.drawImage(o.still, 0, 0);
    ctx.strokeStyle = s.colors.text;
    ctx.lineWidth = 1.5;
    ctx.strokeRect(1, Math.max(1, top * scale), width - 2, Math.max(6, Math.min(o.canvas.height, height * scale) - 2));
  }

  return { open };
})();
