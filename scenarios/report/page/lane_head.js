// laneHead: the names of the lanes above the diagram. They are buttons that collapse a
// lane, and move it with Alt and the arrow keys, or when they are dragged.
const laneHead = (() => {
  // draw makes the names of the lanes, where the stage has placed them.
  function draw(s) {
    s.head.replaceChildren(...s.order.map((id) => {
      const lane = s.lanes.of.get(id), who = s.m.laneOf.get(id);
      const closed = s.collapsed.has(id);
      const name = closed ? "›" : lane.width < 110 && who.kind === "fresh" || lane.width < 70 ? shortName(who.name) : who.name;
      const button = dom.el("button", {
        type: "button", class: "lane-name " + (who.kind === "node" ? "" : "of-client"), "data-lane": id, "aria-expanded": String(!closed),
        "aria-label": who.name, title: `${who.name}: click to ${closed ? "open" : "collapse"}, drag or Alt+← → to move`,
        style: { left: s.gutter + lane.x - s.offset + "px", width: lane.width + "px" },
      }, name);
      button.hidden = lane.center < s.offset || lane.center > s.offset + s.paneWidth;
      return button;
    }), dom.el("span", { class: "about", title: about(s) }, about(s)));
  }

  const shortName = (name) => name.replace(/^(\p{L})\p{L}* (\d+)$/u, "$1$2").replace(/^(fresh) operations$/, "$1");

  // about heads the list of events.
  function about(s) {
    const objects = s.m.run.plan?.objects ?? [];
    if (s.lanes.width > s.paneWidth + 1) return "← → for more lanes; in order, not to scale";
    return objects.length === 1 && objects[0] ? `in order, not to scale; all on ${objects[0]}` : "in order, not to scale";
  }

  // listen obeys mouse and keys; changed is called when lanes have other places.
  function listen(s, changed) {
    gestures.drag(s.head, (id, dx) => {
      if (Math.abs(dx) < 8) toggle(s, id, changed);
      else move(s, id, Math.round(dx / Math.max(20, s.lanes.of.get(id).width)), changed);
    });
    s.head.addEventListener("keydown", (e) => key(s, e, changed));
  }

  function toggle(s, id, changed) {
    if (!s.collapsed.delete(id)) s.collapsed.add(id);
    changed();
    focus(s, id);
  }

  function move(s, id, by, changed) {
    s.order = layout.move(s.order, id, by);
    changed();
    focus(s, id);
  }

  function focus(s, id) {
    s.head.querySelector(`[data-lane="${id}"]`)?.focus();
  }

  function key(s, e, changed) {
    const id = Number(e.target.dataset.lane);
    if (Number.isNaN(id)) return;
    if (e.altKey && (e.key === "ArrowLeft" || e.key === "ArrowRight")) move(s, id, e.key === "ArrowLeft" ? -1 : 1, changed);
    else if (e.key === "Enter" || e.key === " ") toggle(s, id, changed);
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  return { draw, listen };
})();
