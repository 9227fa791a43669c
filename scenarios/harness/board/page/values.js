// values: figures of campaigns as texts for a reader.
const values = (() => {
  // number returns a number with few digits: 12,345 or 0.25.
  function number(n) {
    if (n >= 100 || Number.isInteger(n)) return Math.round(n).toLocaleString("en");
    return Number(n.toPrecision(3)).toLocaleString("en");
  }

  // seconds returns a duration: 8.2 s, 95 s, 12 min, 3 h 20 min.
  function seconds(s) {
    if (s < 10) return Number(s.toFixed(1)) + " s";
    if (s < 120) return Math.round(s) + " s";
    const minutes = Math.round(s / 60);
    if (minutes < 120) return minutes + " min";
    return Math.floor(minutes / 60) + " h " + (minutes % 60) + " min";
  }

  // time returns the time of a text in the form of RFC 3339, in the reader's zone.
  function time(text) {
    const t = new Date(text);
    if (isNaN(t) || t.getUTCFullYear() < 2000) return "";
    const two = (n) => String(n).padStart(2, "0");
    return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ${two(t.getHours())}:${two(t.getMinutes())}`;
  }

  // reached returns how many of all were reached, and nothing if there are none.
  function reached(r) {
    return r.of === 0 ? "none" : `${number(r.hit)} of ${number(r.of)}`;
  }

  return { number, seconds, time, reached };
})();
