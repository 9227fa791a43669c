// words: how a failure stands against the campaigns before.
const words = (() => {
  const signs = { new: "+", ongoing: "=", gone: "–", regressed: "!" };

  function badge(word, text = word) {
    return dom.el("span", { class: "word " + kind(word) }, `${signs[word] ?? "?"} ${text}`);
  }

  // kind returns a word as a class: other texts are none.
  function kind(word) {
    return word in signs ? word : "";
  }

  // past shows what the campaigns before said, the oldest first.
  function past(list) {
    if (!list?.length) return null;
    const text = (s) => `${s.word}, ${format.count(s.count, "failure")}`;
    return dom.el("span", {}, "before: ", dom.el("ol", { class: "past" }, [...list].reverse().map((s) => dom.el("li", { class: kind(s.word), title: text(s) }, dom.el("span", { "aria-hidden": "true" }, signs[s.word] ?? "?"), dom.el("span", { class: "meaning" }, text(s))))));
  }

  // count returns how many failures of each word there are, as badges.
  function count(standings) {
    const all = Object.keys(signs).map((word) => [word, (standings ?? []).filter((s) => s.word === word).length]);
    return all.filter(([, n]) => n > 0).map(([word, n]) => badge(word, `${n} ${word}`));
  }

  return { badge, kind, past, count };
})();
