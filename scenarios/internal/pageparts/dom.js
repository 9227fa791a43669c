// dom: elements whose texts are data. Nothing on this page is made from markup.
const dom = (() => {
  // el returns an element with properties and children. Strings become text, with
  // invisible characters spelled out; names never become markup.
  function el(tag, properties = {}, ...children) {
    const e = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (value === undefined || value === null || value === false) continue;
      if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
      else if (name === "style") Object.assign(e.style, value);
      else e.setAttribute(name, value === true ? "" : name === "title" || name.startsWith("aria-") ? format.name(value) : value);
    }
    e.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false).map((c) => c instanceof Node ? c : text(c)));
    return e;
  }

  function text(data) {
    return document.createTextNode(format.name(data));
  }

  // lines returns text of several lines as an element that keeps them.
  function lines(data) {
    return el("pre", {}, ...String(data).split("\n").flatMap((line, i) => i === 0 ? [line] : [document.createTextNode("\n"), line]));
  }

  const byId = (id) => document.getElementById(id);

  return { el, text, lines, byId };
})();
