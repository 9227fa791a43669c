// morph: shows new elements by changing those that are shown, so that focus, selection and
// what was opened stay.
const morph = (() => {
  // children makes the children of an element like the given ones.
  function children(box, list) {
    const fresh = list.filter(Boolean);
    fresh.forEach((e, i) => {
      if (i < box.childNodes.length) node(box.childNodes[i], e);
      else box.append(e);
    });
    while (box.childNodes.length > fresh.length) box.lastChild.remove();
  }

  function node(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(fresh);
    } else if (old.nodeType === Node.TEXT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
    } else {
      attributes(old, fresh);
      children(old, [...fresh.childNodes]);
    }
  }

  function attributes(old, fresh) {
    for (const { name } of [...old.attributes]) {
      if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
  }

  return { children };
})();
