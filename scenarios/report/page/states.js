// states: the state of each node at each event, from changes.
const states = (() => {
  const spacing = 2000; // changes between two checkpoints

  // open returns {at, changed} over changes in order of their events.
  function open(changes) {
    const first = new Map(); // by event: its first change
    changes.forEach((c, i) => { if (!first.has(c.event)) first.set(c.event, i); });
    const checkpoints = [new Map()];
    let now = new Map(); // by lane: {up, values}
    let done = 0; // changes that now has

    // at returns the state after an event: by lane {up, values}, with values by path.
    // The caller must not change it, nor keep it.
    function at(event) {
      advance(changesUntil(event));
      return now;
    }

    function changesUntil(event) {
      let low = 0, high = changes.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (changes[middle].event <= event) low = middle + 1;
        else high = middle;
      }
      return low;
    }

    function advance(count) {
      const nearest = Math.min(Math.floor(count / spacing), checkpoints.length - 1);
      if (count < done || nearest * spacing > done) {
        now = copy(checkpoints[nearest]);
        done = nearest * spacing;
      }
      while (done < count) {
        apply(now, changes[done++]);
        if (done % spacing === 0 && checkpoints.length === done / spacing) checkpoints.push(copy(now));
      }
    }

    // changed returns what an event changed: by lane {up, before}, with the values before
    // by path; undefined where there was none.
    function changed(event) {
      const found = new Map();
      if (!first.has(event)) return found;
      const before = at(event - 1);
      for (let i = first.get(event); i < changes.length && changes[i].event === event; i++) {
        const c = changes[i];
        const old = before.get(c.lane);
        if (!found.has(c.lane)) found.set(c.lane, { up: false, before: new Map() });
        const f = found.get(c.lane);
        if (c.up !== undefined && c.up !== (old?.up ?? null)) f.up = true;
        for (const path of [...Object.keys(c.set ?? {}), ...(c.unset ?? [])]) {
          if (!f.before.has(path)) f.before.set(path, old?.values.get(path));
        }
      }
      return found;
    }

    return { at, changed };
  }

  function apply(state, change) {
    if (!state.has(change.lane)) state.set(change.lane, { up: true, values: new Map() });
    const s = state.get(change.lane);
    if (change.up !== undefined) s.up = change.up;
    for (const path of change.unset ?? []) s.values.delete(path);
    for (const [path, value] of Object.entries(change.set ?? {})) s.values.set(path, value);
  }

  function copy(state) {
    return new Map([...state].map(([lane, s]) => [lane, { up: s.up, values: new Map(s.values) }]));
  }

  return { open };
})();
