// diagram: the visible part of the space-time diagram on a canvas. Time runs down, a row
// for each event; lanes stand side by side.
const diagram = (() => {
  // draw draws a scene and returns how many things it has drawn. A scene has the model m,
  // rows and rowHeight; lanes with their centers; the canvas's top in the list, its width
  // and height; the chosen event, and those that a question has found.
  function draw(ctx, scene) {
    const paint = painter(ctx, scene);
    ctx.clearRect(0, 0, scene.width, scene.height);
    const { first, last } = layout.visible(scene.rows.count, scene.rowHeight, scene.top, scene.height);
    if (last < first) return 0;
    let drawn = 0;
    const counted = (f) => (item) => { drawn++; f(paint, item); };
    paint.emphasised = near(scene);

    drawBands(paint, first, last);
    scene.index.worldSpans(first, last, counted(drawWorldSpan));
    drawLifelines(paint, first, last);
    scene.index.laneSpans(first, last, counted(drawLaneSpan));
    scene.index.calls(first, last, counted(drawCall));
    scene.index.worldSpans(first, last, (item) => { if (shaded(item)) nameSpan(paint, item); });
    scene.index.arrows(first, last, counted(drawArrow));
    for (let row = first; row <= last; row++) {
      const event = scene.rows.event(row);
      drawn += scene.rows.fold(event) ? drawFold(paint, row) : drawEvent(paint, event, row);
    }
    fade(paint);
    return drawn;
  }

  // near returns the messages that the chosen event sends or takes.
  function near(scene) {
    const found = new Set(scene.m.sent(scene.selected));
    const taken = scene.m.events[scene.selected]?.message;
    if (taken !== undefined) found.add(taken);
    return found;
  }

  function painter(ctx, scene) {
    const small = scene.rowHeight < 14;
    return {
      ctx, scene, colors: scene.colors, radius: small ? 2.5 : 4.5,
      x: (lane) => scene.lanes.of.get(lane)?.center ?? null,
      y: (row) => (row + 0.5) * scene.rowHeight - scene.top,
    };
  }

  // drawBands shades the rows of the chosen event, of hits and of the violation.
  function drawBands(paint, first, last) {
    const { ctx, scene, colors } = paint;
    for (let row = first; row <= last; row++) {
      const event = scene.rows.event(row);
      const color = event === scene.selected ? colors.selected : event === scene.m.violation?.event || event === scene.m.wrong ? colors.dangerSoft : scene.hits?.has(event) ? colors.hit : null;
      if (!color) continue;
      ctx.fillStyle = color;
      ctx.fillRect(0, paint.y(row) - scene.rowHeight / 2, scene.width, scene.rowHeight);
    }
  }

  // fade makes what came after the violation paler, as it did not contribute.
  function fade(paint) {
    const { ctx, scene, colors } = paint;
    const v = scene.m.violation;
    if (!v) return;
    const y = Math.max(0, paint.y(Math.floor(scene.rows.position(v.event)) + 0.5));
    ctx.globalAlpha = 0.5;
    ctx.fillStyle = colors.background;
    ctx.fillRect(0, y, scene.width, Math.max(0, scene.height - y));
    ctx.globalAlpha = 1;
  }

  function drawLifelines(paint, first, last) {
    const { ctx, scene, colors } = paint;
    ctx.strokeStyle = colors.line;
    ctx.lineWidth = 1.5;
    for (const { center } of scene.lanes.of.values()) {
      signs.line(ctx, center, paint.y(first - 1), center, paint.y(last + 1));
    }
  }

  // edges returns where a span begins and ends, within what the canvas can show.
  function edges(paint, item) {
    const h = paint.scene.rowHeight;
    const top = Math.max(-h, paint.y(item.top) - h / 2 + 1);
    return { top, bottom: Math.max(top + 3, Math.min(paint.scene.height + h, paint.y(item.bottom) + h / 2 - 1)) };
  }

  // drawWorldSpan shades a condition of the network: the lanes of each side of a partition
  // have stripes of a direction of their own, anything else is a bar at the edge.
  function drawWorldSpan(paint, item) {
    const { ctx, scene, colors } = paint;
    const { top, bottom } = edges(paint, item);
    if (shaded(item)) {
      shade(paint, item, top, bottom);
      return; // its words stand above the operations
    }
    if (item.span.sides) {
      item.span.sides.forEach((side, k) => {
        ctx.fillStyle = signs.pattern(ctx, colors, k === 0 ? "rising" : k === 1 ? "falling" : "blocks");
        for (const id of side) {
          const lane = scene.lanes.of.get(id);
          if (lane) ctx.fillRect(lane.x + 2, top, lane.width - 4, bottom - top);
        }
      });
      ctx.strokeStyle = colors.cut;
      ctx.setLineDash([6, 4]);
      ctx.lineWidth = 1;
      signs.line(ctx, 0, top, scene.lanes.width, top);
      signs.line(ctx, 0, bottom, scene.lanes.width, bottom);
      ctx.setLineDash([]);
    } else {
      ctx.fillStyle = colors.cut;
      ctx.fillRect(2 + item.slot * 6, top, 3, bottom - top);
    }
    nameSpan(paint, item);
  }

  const shaded = (item) => item.span.kind === "annotation" || item.span.kind === "hardest";

  // nameSpan writes the words of a span of the whole world where it begins.
  function nameSpan(paint, item) {
    label(paint, item.span.text, 4 + item.slot * 6 + (item.span.sides ? 0 : 5), edges(paint, item).top + 1, paint.colors.cut, paint.scene.lanes.width);
  }

  // shade shades a condition over all lanes, with a bar at the edge.
  function shade(paint, item, top, bottom) {
    const { ctx, scene, colors } = paint;
    ctx.globalAlpha = 0.13;
    ctx.fillStyle = item.span.kind === "hardest" ? colors.odd : colors.cut;
    ctx.fillRect(0, top, scene.lanes.width, bottom - top);
    ctx.globalAlpha = 1;
    ctx.fillRect(2 + item.slot * 6, top, 3, bottom - top);
  }

  const laneSpanStyles = { down: "cross", pause: "blocks", freeze: "blocks", slow: "blocks", stop: "blocks" };

  // drawLaneSpan draws a condition of one process as a bar beside its lane, or over it if
  // the process is down.
  function drawLaneSpan(paint, item) {
    const { ctx, scene, colors } = paint;
    const lane = scene.lanes.of.get(item.lane);
    if (!lane) return;
    const { top, bottom } = edges(paint, item);
    const down = item.span.kind === "down";
    const width = down ? Math.min(16, lane.width - 2) : 6;
    const x = down ? lane.center - width / 2 : Math.max(lane.x + 1, lane.center - 16 - item.slot * 8);
    ctx.fillStyle = colors.background;
    ctx.fillRect(x, top, width, bottom - top);
    ctx.fillStyle = signs.pattern(ctx, colors, laneSpanStyles[item.span.kind] ?? (item.span.kind.startsWith("disk") ? "level" : "falling"));
    ctx.fillRect(x, top, width, bottom - top);
    ctx.strokeStyle = colors.faint;
    ctx.lineWidth = 1;
    ctx.strokeRect(x + 0.5, top + 0.5, width - 1, bottom - top - 1);
    label(paint, down ? "down" : item.span.kind.replaceAll("_", " "), x + width + 3, top + 1, colors.muted, lane.width / 2 - 4);
  }

  const outcomes = { committed: "✓", rejected: "✗", unknown: "?" };

  // drawCall draws an operation from its call to its return along its client's lane.
  function drawCall(paint, item) {
    const { ctx, scene, colors } = paint;
    const lane = scene.lanes.of.get(item.lane);
    if (!lane) return;
    const { top, bottom } = edges(paint, item);
    const width = Math.min(18, lane.width - 4);
    const x = lane.center - width / 2;
    const guilty = item.op.contradicts;
    ctx.fillStyle = colors.background;
    ctx.strokeStyle = guilty ? colors.danger : colors.faint;
    ctx.lineWidth = guilty ? 2.5 : 1.2;
    if (item.op.return === undefined) ctx.setLineDash([4, 3]);
    signs.rounded(ctx, x, top, width, bottom - top, 6);
    ctx.fill();
    ctx.stroke();
    ctx.setLineDash([]);
    if (scene.rowHeight >= 14) {
      ctx.font = "bold 11px sans-serif";
      ctx.fillStyle = guilty ? colors.danger : colors.text;
      ctx.textAlign = "center";
      ctx.textBaseline = "middle";
      ctx.fillText(outcomes[item.op.outcome] ?? "?", lane.center, Math.min(bottom, scene.height) - scene.rowHeight / 2);
    }
    if (lane.width > 80) label(paint, item.op.id, x + width + 3, top + scene.rowHeight + 2, guilty ? colors.danger : colors.muted, lane.width / 2 - 12);
  }

  // drawArrow draws a message and its fate: lost ones are dashed and end in a cross, late
  // ones are dashed and dotted, damaged ones jagged, second copies have a 2, and a diamond
  // says that the plan fixes the fate.
  function drawArrow(paint, item) {
    const { scene, colors } = paint;
    const { message, ends } = item;
    const x = paint.x(message.from), target = paint.x(message.to), y = paint.y(item.top);
    if (x === null || target === null) return;
    const guilty = ends.some((e) => scene.m.guilty.has(e.event) && !e.lost && !e.never);
    const strong = paint.emphasised.has(item.index);
    const style = {
      color: guilty ? colors.danger : strong ? colors.accent : message.fate === "open" ? colors.faint : model.ordinary(message) ? colors.message : colors.odd,
      width: guilty || strong ? 2.2 : 1.1,
      dash: message.late ? [9, 3, 2, 3] : [],
      jagged: message.damaged,
    };
    if (ends.length === 0 || message.fate === "dropped") {
      const part = 0.42;
      const end = { x: x + (target - x) * part, y: y + scene.rowHeight * 0.6 };
      shaft(paint, x, y, end.x, end.y, { ...style, dash: [4, 3] });
      signs.cross(paint.ctx, end.x, end.y, style.color);
      if (strong || scene.rowHeight >= 18) label(paint, message.cause ?? "lost", end.x + 6, end.y - 4, style.color, 90);
    }
    ends.forEach((end, k) => drawArrival(paint, item, { x, y, target }, end, k, style));
    if (message.override) signs.diamond(paint.ctx, x + (target - x) * 0.2, y + (paint.y(item.bottom) - y) * 0.2, style.color);
  }

  function drawArrival(paint, item, from, end, k, style) {
    const y = paint.y(paint.scene.rows.position(end.event));
    const side = Math.sign(from.target - from.x) || 1;
    const lost = end.lost !== "" || end.never;
    const x = from.target - side * (lost ? Math.min(16, Math.abs(from.target - from.x) / 3) : paint.radius + 1);
    shaft(paint, from.x, from.y, x, y, lost ? { ...style, dash: [4, 3] } : style);
    if (end.lost) signs.cross(paint.ctx, x, y, style.color);
    else if (end.never) signs.ring(paint.ctx, x, y, style.color);
    else signs.head(paint.ctx, from.x, from.y, x, y, style);
    if (k > 0) signs.second(paint.ctx, x - side * 14, y - (y - from.y) * 14 / Math.max(14, Math.abs(x - from.x)), style.color, paint.colors.background);
  }

  function shaft(paint, x0, y0, x1, y1, style) {
    const { ctx } = paint;
    ctx.strokeStyle = style.color;
    ctx.lineWidth = style.width;
    ctx.setLineDash(style.dash);
    if (style.jagged) signs.zigzag(ctx, x0, y0, x1, y1);
    else signs.line(ctx, x0, y0, x1, y1);
    ctx.setLineDash([]);
  }

  const square = new Set(["disk", "invoke"]);

  // drawEvent draws the sign of an event on its lane, with its marks to the right, and
  // returns how many things that were.
  function drawEvent(paint, event, row) {
    const { ctx, scene, colors, radius } = paint;
    const e = scene.m.events[event];
    const y = paint.y(row);
    const x = paint.x(e.lane);
    if (x === null) {
      if (e.lane === 0) drawWorldEvent(paint, y);
      return 1;
    }
    const guilty = scene.m.guilty.has(event) || event === scene.m.violation?.event || event === scene.m.wrong;
    const color = guilty ? colors.danger : event === scene.selected ? colors.accent : colors.text;
    ctx.strokeStyle = ctx.fillStyle = color;
    ctx.lineWidth = 1.5;
    if (e.kind === "crash" || e.kind === "lost" || e.kind.includes("failed") || e.kind === "disconnected") {
      signs.cross(ctx, x, y, color);
    } else if (e.kind === "boot") {
      signs.triangle(ctx, x, y, radius + 1);
    } else if (square.has(e.kind)) {
      ctx.fillRect(x - radius + 0.5, y - radius + 0.5, 2 * radius - 1, 2 * radius - 1);
    } else {
      if (e.kind === "timer") ctx.fillStyle = colors.background;
      signs.circle(ctx, x, y, radius);
      ctx.fill();
      ctx.stroke();
    }
    if (guilty) {
      ctx.strokeStyle = colors.danger;
      signs.circle(ctx, x, y, radius + 4);
      ctx.stroke();
    }
    return 1 + drawMarks(paint, event, x, y);
  }

  // drawFold draws the row of a loop that is folded: a gap in all lanes.
  function drawFold(paint, row) {
    const { ctx, scene, colors } = paint;
    const h = Math.min(8, scene.rowHeight / 2), y = paint.y(row);
    ctx.fillStyle = colors.background;
    ctx.fillRect(0, y - h / 2, scene.lanes.width, h);
    ctx.fillStyle = colors.faint;
    for (const { center } of scene.lanes.of.values()) {
      for (const dy of [-1, 0, 1]) ctx.fillRect(center - 1, y + dy * h / 3 - 1, 2, 2);
    }
    return 1;
  }

  function drawWorldEvent(paint, y) {
    const { ctx, scene, colors } = paint;
    ctx.strokeStyle = colors.cut;
    ctx.lineWidth = 1;
    ctx.setLineDash([2, 3]);
    signs.line(ctx, 0, y, scene.lanes.width, y);
    ctx.setLineDash([]);
  }

  // drawMarks draws what an event has done besides messages: a bar for a disk request, a
  // bold one for a sync, a star for a chosen value or a response, and an empty star for
  // another report.
  function drawMarks(paint, event, x, y) {
    const { ctx, scene, colors, radius } = paint;
    const marks = scene.m.marked(event).map((i) => scene.m.marks[i]);
    const kinds = new Set(marks.map((x) => x.kind));
    let at = x + radius + 6;
    if (kinds.has("sync") || kinds.has("disk")) {
      ctx.strokeStyle = colors.text;
      ctx.lineWidth = kinds.has("sync") ? 3 : 1;
      signs.line(ctx, at - 2, y + 3, at + 6, y + 3);
      at += 9;
    }
    if (kinds.has("observation") || kinds.has("response")) {
      signs.star(ctx, at + 3, y, radius + 0.5, scene.m.guilty.has(event) ? colors.danger : colors.mark, marks.some(model.weighty));
    }
    return kinds.size;
  }

  // label writes a short text, cut to the room that it has.
  function label(paint, data, x, y, color, room) {
    const { ctx, colors, scene } = paint;
    if (scene.rowHeight < 14 || room < 16) return;
    ctx.font = "11px sans-serif";
    ctx.textAlign = "left";
    ctx.textBaseline = "top";
    let text = format.name(data).slice(0, 80);
    while (text.length > 1 && ctx.measureText(text).width > room) text = text.slice(0, -2).trimEnd() + "…";
    if (text === "…") return;
    ctx.lineWidth = 3;
    ctx.strokeStyle = colors.background;
    ctx.strokeText(text, x, y);
    ctx.fillStyle = color;
    ctx.fillText(text, x, y);
  }

  return { draw };
})();
