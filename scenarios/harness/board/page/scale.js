// scale: numbers to places, and the numbers at the marks of an axis.
const scale = (() => {
  // linear maps 0 to most onto begin to end, with round marks, or whole ones.
  function linear(most, begin, end, whole) {
    const top = most > 0 ? most : 1;
    return { at: (n) => begin + (end - begin) * n / top, marks: marks(top).filter((n) => !whole || Number.isInteger(n)) };
  }

  // marks returns two to five round numbers from 0 up to top.
  function marks(top) {
    const power = 10 ** Math.floor(Math.log10(top));
    const step = [0.2, 0.5, 1, 2, 5].map((f) => f * power).find((s) => top / s <= 4.5) ?? power;
    return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(12)));
  }

  // logarithmic maps 1 to most onto begin to end, with powers of ten as marks.
  function logarithmic(most, begin, end) {
    const top = Math.max(1, Math.ceil(Math.log10(Math.max(most, 2))));
    const all = Array.from({ length: top + 1 }, (_, i) => 10 ** i);
    return { at: (n) => begin + (end - begin) * Math.log10(Math.max(n, 1)) / top, marks: all };
  }

  return { linear, logarithmic, marks };
})();
