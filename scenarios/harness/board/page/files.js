// files: links to the files of a failure, and lines to paste.
const files = (() => {
  const names = {
    "report.html": "report", "history.html": "history as a picture", "verdict.txt": "verdict", "bisect.txt": "commit", "trace.txt": "trace", "shrunk.json": "shrunk plan",
    "plan.json": "plan", "history.jsonl": "history", "necessity.json": "necessity",
  };

  // links returns links to the files of a folder, its report first.
  function links(kept) {
    const address = (file) => `/failures/${encodeURIComponent(kept.folder)}/${encodeURIComponent(file)}`;
    return dom.el("div", { class: "files" }, kept.files.map((file) => dom.el("a", { href: address(file), class: file === "report.html" ? "first" : null }, names[file] ?? file)),
      dom.el("span", { class: "note" }, "in ", dom.el("bdi", {}, kept.folder)));
  }

  // paste returns a line for a shell, with a button that copies it.
  function paste(line) {
    if (!line) return null;
    const code = dom.el("code", {}, line), said = dom.el("span", { class: "note", role: "status" });
    const button = dom.el("button", { type: "button", "aria-label": "copy the line that repeats it" }, "copy");
    button.addEventListener("click", () => copy(code, said));
    return dom.el("div", { class: "paste" }, code, button, said);
  }

  // copy puts what is shown on the clipboard, or marks it where pages may not.
  async function copy(code, said) {
    try {
      await navigator.clipboard.writeText(code.textContent);
      said.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(code);
      said.textContent = "marked: press Ctrl+C";
    }
  }

  return { links, paste };
})();
