// layout: where rows and lanes are. A row is an event that is shown; its position is its
// place among those.
const layout = (() => {
  // rows returns the rows of all events, or of some of them, ascending.
  function rows(count, chosen = null) {
    return {
      count: chosen ? chosen.length : count,
      event: (row) => chosen ? chosen[row] : row,
      // position returns the row of an event; between two rows if it is not shown.
      position(event) {
        if (!chosen) return event;
        let low = 0, high = chosen.length;
        while (low < high) {
          const middle = (low + high) >> 1;
          if (chosen[middle] < event) low = middle + 1;
          else high = middle;
        }
        return chosen[low] === event ? low : low - 0.5;
      },
      shows(event) {
        return Number.isInteger(this.position(event));
      },
      fold: () => undefined,
    };
  }

  // folded returns the rows of all events but those in folds, {from, to} in order. A fold is
  // one row, that of its first event.
  function folded(count, folds) {
    const starts = new Map(folds.map((f) => [f.from, f]));
    const chosen = [];
    for (let i = 0; i < count; i = starts.has(i) ? starts.get(i).to + 1 : i + 1) chosen.push(i);
    const all = rows(count, chosen);
    return {
      ...all,
      // position returns the row of an event; a little below that of its fold, if it is in one.
      position(event) {
        const row = all.position(event);
        if (Number.isInteger(row)) return starts.has(event) ? row + 0.25 : row;
        return row - 0.25;
      },
      shows: (event) => all.shows(event) && !starts.has(event),
      fold: (event) => starts.get(event),
    };
  }

  // visible returns the rows [first, last] that a window of the scrolled list shows.
  function visible(count, rowHeight, top, height) {
    const first = Math.max(0, Math.floor(top / rowHeight));
    const last = Math.min(count - 1, Math.ceil((top + height) / rowHeight));
    return { first, last };
  }

  // labels chooses the rows of a range that have room for their text. Important ones come
  // first, then every row that leaves enough distance.
  function labels(first, last, rowHeight, needed, important) {
    const distance = Math.max(1, Math.ceil(needed / rowHeight));
    const taken = [];
    const fits = (row) => taken.every((t) => Math.abs(t - row) >= distance);
    if (distance === 1) {
      for (let row = first; row <= last; row++) taken.push(row);
      return taken;
    }
    for (const row of important) {
      if (row >= first && row <= last && fits(row)) taken.push(row);
    }
    for (let row = Math.ceil(first / distance) * distance; row <= last; row += distance) {
      if (fits(row)) taken.push(row);
    }
    return taken.sort((a, b) => a - b);
  }

  const collapsedWidth = 14;

  // lanes places lanes beside one another: by id {x, width, center}, and their total
  // width. They share the room that there is, but are not narrower than the least width.
  function lanes(order, collapsed, room, least, most) {
    const open = order.filter((id) => !collapsed.has(id)).length;
    const rest = room - (order.length - open) * collapsedWidth;
    const width = open === 0 ? 0 : Math.max(least, Math.min(most, rest / open));
    const of = new Map();
    let x = 0;
    for (const id of order) {
      const w = collapsed.has(id) ? collapsedWidth : width;
      of.set(id, { x, width: w, center: x + w / 2 });
      x += w;
    }
    return { of, width: x };
  }

  // move returns an order in which a lane has moved by some places.
  function move(order, id, by) {
    const from = order.indexOf(id);
    const to = Math.max(0, Math.min(order.length - 1, from + by));
    const moved = order.filter((x) => x !== id);
    moved.splice(to, 0, id);
    return moved;
  }

  // slots gives intervals that meet each other different numbers from 0, so that they can
  // be drawn side by side. Intervals are {first, last}, in order of first.
  function slots(list) {
    const ends = []; // by slot: the last row that is taken
    return list.map((x) => {
      let slot = ends.findIndex((end) => end < x.first);
      if (slot < 0) slot = ends.length;
      ends[slot] = x.last;
      return slot;
    });
  }

  return { rows, folded, visible, labels, lanes, move, slots };
})();
