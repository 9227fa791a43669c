// failures: each signature, how it stands, and what is kept of it.
const failures = (() => {
  const most = 3; // folders of one signature that are shown at once

  function show(view) {
    const list = view.failures.map(failure);
    const others = (view.others ?? []).map(other);
    if (list.length + others.length === 0) list.push(dom.el("p", {}, "None: no campaign in this folder has failed."));
    if (others.length > 0) list.push(dom.el("h3", {}, "Kept, of campaigns without a record"), ...others);
    morph.children(dom.byId("failures"), list);
  }

  function failure(f) {
    const kept = f.kept ?? [];
    const when = f.running ? "in the campaign in progress" : ["in the campaign that ended ", dom.el("time", { datetime: f.since }, values.time(f.since))];
    const facts = [dom.el("bdi", {}, f.system), ", profile ", dom.el("bdi", {}, f.profile), ": ",
      f.word === "gone" ? ["not ", when, ", which ran its first seed, ", f.first_seed] : [format.count(f.count, "seed"), ", the first is ", f.first_seed, ", ", when]];
    return dom.el("article", { class: "failure " + words.kind(f.word), "data-signature": f.signature },
      dom.el("div", { class: "head" }, words.badge(f.word), dom.el("h3", {}, dom.el("bdi", {}, f.signature)), words.past(f.before)),
      dom.el("div", { class: "facts" }, facts),
      kept.length > 0 && kept[0].sentence && dom.el("div", { class: "says" }, kept[0].sentence),
      folders(kept), files.paste(f.replay || kept[0]?.replay));
  }

  // folders shows the newest folders, and the others on demand.
  function folders(kept) {
    const shown = kept.slice(0, most).map(files.links), rest = kept.slice(most);
    if (rest.length > 0) shown.push(dom.el("details", {}, dom.el("summary", {}, `${format.count(rest.length, "folder")} more`), rest.map(files.links)));
    return shown;
  }

  function other(kept) {
    return dom.el("article", { class: "failure" },
      dom.el("div", { class: "head" }, dom.el("h3", {}, dom.el("bdi", {}, kept.signature || kept.folder))),
      dom.el("div", { class: "facts" }, kept.system && [dom.el("bdi", {}, kept.system), ", seed ", kept.seed, ", "], "kept ", dom.el("time", { datetime: kept.changed }, values.time(kept.changed))),
      kept.sentence && dom.el("div", { class: "says" }, kept.sentence), files.links(kept), files.paste(kept.replay));
  }

  return { show };
})();
