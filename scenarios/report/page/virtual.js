// virtual: a long list of which only the visible rows are in the document.
const virtual = (() => {
  const most = 300; // rows in the document, even if the box has no height of its own

  // list shows rows of one height in a box that scrolls. render(i) returns the element of
  // row i. It returns {refresh, show}.
  function list(box, { height, count, render, label }) {
    const spacer = dom.el("div", { class: "spacer", role: "list", "aria-label": label });
    box.replaceChildren(spacer);
    let waiting = false;

    function refresh() {
      waiting = false;
      const n = count();
      spacer.style.height = n * height + "px";
      const { first, last } = layout.visible(n, height, box.scrollTop - 10 * height, box.clientHeight + 20 * height);
      const rows = [];
      for (let i = first; i <= Math.min(last, first + most); i++) {
        const row = render(i);
        row.style.top = i * height + "px";
        row.setAttribute("role", "listitem");
        row.setAttribute("aria-setsize", n);
        row.setAttribute("aria-posinset", i + 1);
        rows.push(row);
      }
      spacer.replaceChildren(...rows);
    }

    // show scrolls to a row.
    function show(i) {
      spacer.style.height = count() * height + "px";
      box.scrollTop = (i + 0.5) * height - box.clientHeight / 2;
      refresh();
    }

    box.addEventListener("scroll", () => {
      if (!waiting) requestAnimationFrame(refresh);
      waiting = true;
    });
    new ResizeObserver(refresh).observe(box);
    refresh();
    return { refresh, show };
  }

  return { list };
})();
