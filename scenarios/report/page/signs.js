// signs: the shapes of the diagram.
const signs = (() => {
  function zigzag(ctx, x0, y0, x1, y1) {
    const length = Math.hypot(x1 - x0, y1 - y0);
    const steps = Math.min(200, Math.max(2, Math.round(length / 7)));
    const nx = -(y1 - y0) / length * 3, ny = (x1 - x0) / length * 3;
    ctx.beginPath();
    ctx.moveTo(x0, y0);
    for (let i = 1; i < steps; i++) {
      const t = i / steps, side = i % 2 ? 1 : -1;
      ctx.lineTo(x0 + (x1 - x0) * t + nx * side, y0 + (y1 - y0) * t + ny * side);
    }
    ctx.lineTo(x1, y1);
    ctx.stroke();
  }

  // head is the head of an arrow.
  function head(ctx, x0, y0, x, y, style) {
    const angle = Math.atan2(y - y0, x - x0), size = style.width > 2 ? 9 : 7;
    ctx.fillStyle = style.color;
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.lineTo(x - size * Math.cos(angle - 0.4), y - size * Math.sin(angle - 0.4));
    ctx.lineTo(x - size * Math.cos(angle + 0.4), y - size * Math.sin(angle + 0.4));
    ctx.fill();
  }

  function cross(ctx, x, y, color) {
    ctx.strokeStyle = color;
    ctx.lineWidth = 2;
    line(ctx, x - 4, y - 4, x + 4, y + 4);
    line(ctx, x - 4, y + 4, x + 4, y - 4);
  }

  function ring(ctx, x, y, color) {
    ctx.strokeStyle = color;
    ctx.lineWidth = 1.5;
    circle(ctx, x, y, 3.5);
    ctx.stroke();
  }

  function diamond(ctx, x, y, color, size = 4.5) {
    ctx.fillStyle = color;
    ctx.beginPath();
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, y);
    ctx.lineTo(x, y + size);
    ctx.lineTo(x - size, y);
    ctx.fill();
  }

  // second marks the second copy of a message.
  function second(ctx, x, y, color, background) {
    ctx.fillStyle = background;
    circle(ctx, x, y, 7);
    ctx.fill();
    ctx.strokeStyle = color;
    ctx.lineWidth = 1.2;
    ctx.stroke();
    ctx.font = "bold 10px sans-serif";
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillStyle = color;
    ctx.fillText("2", x, y + 0.5);
  }

  function star(ctx, x, y, size, color, full) {
    ctx.fillStyle = ctx.strokeStyle = color;
    ctx.lineWidth = 1;
    ctx.beginPath();
    for (let i = 0; i < 10; i++) {
      const r = i % 2 ? size * 0.45 : size, a = Math.PI * (i / 5 - 0.5);
      ctx.lineTo(x + r * Math.cos(a), y + r * Math.sin(a));
    }
    ctx.closePath();
    if (full) ctx.fill();
    else ctx.stroke();
  }

  function triangle(ctx, x, y, size) {
    ctx.beginPath();
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, y + size * 0.7);
    ctx.lineTo(x - size, y + size * 0.7);
    ctx.fill();
  }

  function line(ctx, x0, y0, x1, y1) {
    ctx.beginPath();
    ctx.moveTo(x0, y0);
    ctx.lineTo(x1, y1);
    ctx.stroke();
  }

  function circle(ctx, x, y, r) {
    ctx.beginPath();
    ctx.arc(x, y, r, 0, 2 * Math.PI);
  }

  function rounded(ctx, x, y, width, height, r) {
    ctx.beginPath();
    ctx.roundRect(x, y, width, height, Math.min(r, width / 2, height / 2));
  }

  const patterns = new Map(); // by color and kind

  // pattern returns stripes, blocks or a lattice, so that spans differ without their color.
  function pattern(ctx, colors, kind) {
    const key = colors.cut + kind;
    if (patterns.has(key)) return patterns.get(key);
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const t = tile.getContext("2d");
    t.strokeStyle = t.fillStyle = kind === "rising" || kind === "falling" ? colors.stripes : colors.muted;
    t.lineWidth = 1.2;
    if (kind === "blocks") t.fillRect(0, 1, 8, 3.5);
    if (kind === "level") for (const y of [1, 5]) line(t, 0, y, 8, y);
    if (kind === "rising" || kind === "cross") for (const d of [-8, 0, 8]) line(t, d, 8, d + 8, 0);
    if (kind === "falling" || kind === "cross") for (const d of [-8, 0, 8]) line(t, d, 0, d + 8, 8);
    patterns.set(key, ctx.createPattern(tile, "repeat"));
    return patterns.get(key);
  }

  return { line, circle, rounded, zigzag, head, cross, ring, diamond, second, star, triangle, pattern };
})();
