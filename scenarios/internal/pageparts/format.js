// format: numbers and names as text for a reader.
const format = (() => {
  const units = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"]];

  // time returns nanoseconds as Go prints a duration below a minute: 1.5ms.
  function time(ns) {
    if (ns < 0) return "-" + time(-ns);
    for (const [size, unit] of units) {
      if (ns >= size) return Number((ns / size).toFixed(9)) + unit;
    }
    return ns === 0 ? "0s" : ns + "ns";
  }

  // short returns nanoseconds with about five digits.
  function short(ns) {
    for (const [size, unit] of units) {
      if (ns >= size) return Number((ns / size).toPrecision(5)) + unit;
    }
    return ns === 0 ? "0s" : ns + "ns";
  }

  // Control characters and those that change the direction of text: a name that has
  // them must not reorder or hide what stands beside it.
  const unsafe = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

  // name returns text of the document with its invisible characters spelled out.
  function name(text) {
    return String(text ?? "").replace(unsafe, (c) => c === "\n" ? "⏎" : "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
  }

  // count returns a number with its noun: 1 event, 1,000 events.
  function count(n, noun, plural = noun + "s") {
    return n.toLocaleString("en") + " " + (n === 1 ? noun : plural);
  }

  return { time, short, name, count };
})();
