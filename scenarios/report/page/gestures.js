// gestures: clicks, drags and pinches of mouse, pen and fingers.
const gestures = (() => {
  // listen tells clicks from drags of the mouse and from pinches of two fingers. One
  // finger scrolls by itself, and a drag from where pans(event) is false selects text.
  function listen(element, { click, pans, pan, pinch }) {
    const down = new Map(); // by pointer: {x, y, moved}
    let span = 0; // between two fingers
    const distance = () => {
      const [a, b] = [...down.values()];
      return Math.hypot(a.x - b.x, a.y - b.y);
    };
    element.addEventListener("pointerdown", (e) => {
      if (e.button !== 0) return;
      down.set(e.pointerId, { x: e.clientX, y: e.clientY, moved: 0, pans: e.pointerType === "mouse" && pans(e) });
      if (down.size === 2) span = distance();
    });
    window.addEventListener("pointermove", (e) => {
      const p = down.get(e.pointerId);
      if (!p) return;
      const dx = e.clientX - p.x, dy = e.clientY - p.y;
      p.moved += Math.abs(dx) + Math.abs(dy);
      p.x = e.clientX;
      p.y = e.clientY;
      if (down.size === 2) {
        const now = distance();
        if (span > 0 && now > 0) pinch(now / span, e.clientY);
        span = now;
      } else if (p.pans && p.moved > 4) {
        pan(dx, dy);
      }
    });
    window.addEventListener("pointerup", (e) => {
      const p = down.get(e.pointerId);
      down.delete(e.pointerId);
      if (p && p.moved <= 4 && element.contains(e.target)) click(e);
    });
    window.addEventListener("pointercancel", (e) => down.delete(e.pointerId));
  }

  // drag calls drop(lane, dx) when a button of a lane was pressed and is let go.
  function drag(element, drop) {
    let from = null;
    element.addEventListener("pointerdown", (e) => {
      const lane = e.target.closest("[data-lane]");
      if (lane) from = { id: Number(lane.dataset.lane), x: e.clientX };
    });
    window.addEventListener("pointerup", (e) => {
      if (from) drop(from.id, e.clientX - from.x);
      from = null;
    });
  }

  return { listen, drag };
})();
