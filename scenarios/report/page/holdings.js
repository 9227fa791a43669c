// holdings: what each node holds of a key where nodes should agree, or move on: a table of
// values by node, in which those that differ are marked.
const holdings = (() => {
  const mostKeys = 6;

  // show fills an element for a run of which convergence or liveness was violated; go(event)
  // chooses an event.
  function show(root, m, go) {
    const v = m.violation, changes = m.run.states?.changes;
    const wanted = v && changes && (v.property === "convergence" || v.property === "liveness");
    const state = wanted ? states.open(changes).at(v.event) : new Map();
    const keys = v?.object ? [v.object] : (m.run.plan?.objects ?? []).slice(0, mostKeys);
    const lanes = m.lanes.filter((l) => state.has(l.id));
    const about = v?.values ? new Set(v.values) : null;
    const tables = keys.map((key) => table(key, lanes, state, about)).filter(Boolean);
    root.hidden = tables.length === 0;
    root.replaceChildren(...root.hidden ? [] : [dom.el("h2", {}, "What each node holds there, in ",
      dom.el("button", { type: "button", class: "jump", onclick: () => go(v.event) }, `event ${m.events[v.event]?.n}`)), ...tables]);
  }

  // within returns the rest of a path behind a key, or nothing if it is not of that key.
  function within(path, key) {
    const all = `/${path}/`, at = key ? all.indexOf(`/${key}/`) : -1;
    return at < 0 ? "" : all.slice(at + key.length + 2, -1);
  }

  function table(key, lanes, state, about) {
    const { el } = dom;
    const rows = new Map(); // by name: values by lane
    for (const l of lanes) {
      for (const [path, value] of state.get(l.id).values) {
        const name = within(path, key);
        if (!name || name.includes("/")) continue;
        if (!rows.has(name)) rows.set(name, new Map());
        rows.get(name).set(l.id, value);
      }
    }
    if (rows.size === 0) return null;
    return el("div", { class: "scroll" }, el("table", { class: "holdings", "aria-label": "what each node holds of " + key },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, el("bdi", {}, key)), lanes.map((l) => el("th", { scope: "col" }, el("bdi", {}, l.name), state.get(l.id).up ? "" : " (down)")))),
      el("tbody", {}, [...rows].map(([name, values]) => row(name, values, lanes, state, about)))));
  }

  // row marks the values of running nodes that are not those of most, if the violation is
  // about such values; others may differ.
  function row(name, values, lanes, state, about) {
    const { el } = dom;
    const counts = new Map();
    for (const l of lanes) if (state.get(l.id).up) counts.set(values.get(l.id), (counts.get(values.get(l.id)) ?? 0) + 1);
    const most = Math.max(0, ...counts.values());
    const usual = [...counts].filter(([, n]) => n === most).length === 1 ? [...counts].find(([, n]) => n === most)[0] : null;
    const differs = counts.size > 1 && (!about || about.has(name));
    return el("tr", { class: differs ? "differs" : undefined }, el("th", { scope: "row" }, differs ? el("span", { title: "the nodes differ" }, "≠ ") : null, el("bdi", {}, name)),
      lanes.map((l) => {
        const value = values.get(l.id) ?? (state.get(l.id).up ? "nothing" : ""), odd = differs && state.get(l.id).up && values.get(l.id) !== usual;
        return el("td", { class: odd ? "other" : undefined }, odd ? el("strong", {}, "≠ ", el("bdi", {}, value)) : el("bdi", {}, value));
      }));
  }

  return { show, within };
})();
