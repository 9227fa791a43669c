// intervals: which of many intervals meet a window, without a look at all of them.
const intervals = (() => {
  // index returns a function visit(from, until, f) that calls f with each item whose
  // interval [start, end] meets [from, until], in order of start.
  function index(items, start, end) {
    const sorted = [...items].sort((a, b) => start(a) - start(b));
    const highest = tree(sorted.map(end));
    return (from, until, f) => {
      // Every node of the tree knows the highest end below it, so that subtrees which end
      // before the window are left out; starts ascend, so those behind it are, too.
      const descend = (node, low, high) => {
        if (low >= sorted.length || highest.of[node] < from || start(sorted[low]) > until) return;
        if (high - low === 1) {
          f(sorted[low]);
          return;
        }
        const middle = (low + high) >> 1;
        descend(2 * node, low, middle);
        descend(2 * node + 1, middle, high);
      };
      descend(1, 0, highest.leaves);
    };
  }

  // tree returns a binary tree of maxima in an array: node i has the children 2i and 2i+1.
  function tree(numbers) {
    let leaves = 1;
    while (leaves < numbers.length) leaves *= 2;
    const of = new Float64Array(2 * leaves).fill(-Infinity);
    of.set(numbers, leaves);
    for (let i = leaves - 1; i > 0; i--) of[i] = Math.max(of[2 * i], of[2 * i + 1]);
    return { leaves, of };
  }

  return { index };
})();
