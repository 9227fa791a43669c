// legend: the signs of the diagram, drawn by the diagram itself, and the keys.
const legend = (() => {
  const message = (fate, more = {}) => ({ from: 1, to: 2, sent: 0, at: 0, kind: "m", text: "", fate, arrivals: [{ due: 1, at: 1, event: 1 }], ...more });
  const lost = [{ due: 1, at: 1, event: 1, lost: "down" }];
  const event = (kind, lane = 1) => ({ n: 1, at: 0, lane, kind, text: "" });

  // Each sign is a tiny run of two lanes.
  const samples = [
    ["a message that arrives", { messages: [message("delivered")] }],
    ["dropped when it was sent", { messages: [message("dropped", { arrivals: [], cause: "" })] }],
    ["lost on arrival", { messages: [message("lost", { arrivals: lost })] }],
    ["its second copy", { messages: [message("delivered", { duplicate: true, arrivals: [{ due: 0, at: 0, event: 0, lost: "" }, { due: 1, at: 1, event: 1 }] })], copy: true }],
    ["late", { messages: [message("delivered", { late: true })] }],
    ["damaged", { messages: [message("delivered", { damaged: true })] }],
    ["under way at the end", { messages: [message("open", { arrivals: [{ due: 1, at: 1 }] })] }],
    ["its fate is fixed by the plan", { messages: [message("delivered", { override: true })] }],
    ["boot", { events: [event("boot"), event("none", 9)] }],
    ["timer", { events: [event("timer"), event("none", 9)] }],
    ["call, or news of the disk", { events: [event("invoke"), event("none", 9)] }],
    ["crash, or loss", { events: [event("crash"), event("none", 9)] }],
    ["disk request; bold: a sync", { marks: [{ event: 0, kind: "sync", lane: 1, text: "" }] }],
    ["a value is chosen or applied, or a client learns its outcome", { marks: [{ event: 0, kind: "response", lane: 1, text: "" }] }],
    ["another report of a process", { marks: [{ event: 0, kind: "observation", lane: 1, text: "" }] }],
    ["part of the contradiction", { violation: { event: 0, events: [0] } }],
    ["a process is down", { spans: [{ kind: "down", text: "", from: 0, to: 1, lanes: [1], begin: 0, finish: 1 }] }],
    ["another fault of a process", { spans: [{ kind: "pause", text: "", from: 0, to: 1, lanes: [1], begin: 0, finish: 1 }] }],
    ["partition: a side has its stripes", { spans: [{ kind: "partition", text: "", from: 0, to: 1, sides: [[1], [2]], begin: 0, finish: 1 }] }],
    ["call", { events: [event("invoke"), event("none", 9)] }, true],
    ["return", { events: [event("response"), event("none", 9)] }, true],
    ["annotation, as an action of the nemesis", { spans: [{ kind: "annotation", text: "", from: 0, to: 1, begin: 0, finish: 1 }] }, true],
    ["operation, from call to return", { operations: [{ id: "", lane: 1, call: 0, return: 1, call_event: 0, return_event: 1, outcome: "committed" }] }],
  ];

  const keys = [
    ["↑ ↓", "event before, next event"], ["PageUp PageDown", "twenty events"], ["Home End", "first, last event"], ["V", "where the violation shows"], ["W", "the first wrong step"], ["Enter", "unfold a loop"],
    ["N Shift+N", "next hit, hit before"], ["+ −", "zoom; also Ctrl and the wheel, or two fingers"], ["← →", "lanes to the side; also Shift and the wheel"],
    ["/", "ask a question"], ["Alt ← →", "on the name of a lane: move it"],
  ];

  // ofHistories are the signs that a recorded history can have.
  const ofHistories = new Set(["call", "return", "part of the contradiction", "operation, from call to return", "annotation, as an action of the nemesis"]);

  // show lists the signs that a kind of document has.
  function show(root, kind) {
    const { el } = dom;
    const shown = kind === "history" ? samples.filter(([text]) => ofHistories.has(text)) : samples.filter(([, , only]) => !only);
    root.replaceChildren(
      el("ul", { class: "signs" }, shown.map(([text, run]) => el("li", {}, sign(run), " " + text))),
      el("dl", { class: "keys" }, keys.map(([key, text]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, text)])));
  }

  function sign(run) {
    const lanes = [{ id: 1, kind: "node", name: "1" }, { id: 2, kind: "node", name: "2" }];
    const m = model.prepare({ lanes, events: [event("receive"), event("receive", 2)], ...run });
    const rows = layout.rows(m.events.length);
    const ratio = Math.min(2, window.devicePixelRatio || 1), width = 84, height = 36;
    const canvas = blank(width, height, ratio);
    const ctx = canvas.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    diagram.draw(ctx, {
      m, rows, index: scene.index(m, rows), rowHeight: 18, top: 0, width, height, lanes: layout.lanes([1, 2], new Set(), width, 10, 200),
      selected: -1, hits: null, colors: theme.colors(),
    });
    return canvas;
  }

  function blank(width, height, ratio) {
    const canvas = dom.el("canvas", { "aria-hidden": "true", style: { width: width + "px", height: height + "px" } });
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    return canvas;
  }

  return { show };
})();
