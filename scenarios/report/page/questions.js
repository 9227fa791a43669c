// questions: the form for questions in time, which builds the text of one, and tells how
// many events it finds.
const questions = (() => {
  const choices = [
    ["", "all events"], ["every", "every event of loops"], ["effect", "events that had an effect"], ["hits", "hits"],
    ["causes", "what led to the chosen event"], // Lamport's happened-before
    ["differs", "what the nearest run lacks"],
  ];

  // open makes the form. ask(text) is called with each new text, show(choice) when the reader
  // wants to see other rows, and step(±1) to go to the next hit. It returns {setRun, set,
  // tell, focus}.
  function open(form, { ask, show, step }) {
    const { el } = dom;
    const text = el("input", {
      type: "search", id: "question", placeholder: "send acknowledgment not preceded by sync on the same node within 5ms", spellcheck: "false", autocomplete: "off",
      "aria-describedby": "answer", oninput: () => ask(text.value),
    });
    const answer = el("output", { id: "answer", role: "status" });
    const rows = el("select", { id: "shown", onchange: () => show(rows.value) }, choices.map(([value, name]) => el("option", { value }, name)));
    const builder = el("div", { class: "builder" });
    form.replaceChildren(
      el("div", { class: "ask" }, el("label", { for: "question" }, "Ask"), text,
        el("button", { type: "button", title: "hit before (Shift+N)", "aria-label": "hit before", onclick: () => step(-1) }, "◀"),
        el("button", { type: "button", title: "next hit (N)", "aria-label": "next hit", onclick: () => step(1) }, "▶"),
        answer, el("label", { for: "shown" }, "Show"), rows),
      el("details", {}, el("summary", {}, "Put a question together"), builder));
    form.addEventListener("submit", (e) => { e.preventDefault(); step(1); });
    return {
      setRun(m, compared, kind, loops) {
        rows.querySelector("[value='']").textContent = loops ? "all events, loops folded" : "all events";
        rows.querySelector("[value=every]").hidden = !loops;
        for (const value of ["effect", "causes"]) rows.querySelector(`[value=${value}]`).hidden = kind === "history";
        if (kind === "history") text.placeholder = "kind:invoke not followed by kind:response on the same operation";
        rows.querySelector("[value=differs]").hidden = !compared;
        build(builder, m, (q) => { text.value = q; ask(q); text.focus(); });
      },
      set(q, shown) { text.value = q; rows.value = shown; },
      tell(message, bad) {
        answer.textContent = message;
        answer.className = bad ? "bad" : "";
        text.setAttribute("aria-invalid", String(Boolean(bad)));
      },
      focus: () => text.focus(),
    };
  }

  // build fills the builder with the keys, nodes, clients and kinds of a run.
  function build(root, m, done) {
    const { el } = dom;
    const select = (label, values, names = values) => {
      const s = el("select", { "aria-label": label }, el("option", { value: "" }, label + ": any"), values.map((v, i) => el("option", { value: v }, names[i])));
      return s;
    };
    const lanes = (kinds) => m.lanes.filter((l) => kinds.includes(l.kind));
    const of = (list) => [list.map((l) => String(l.id)), list.map((l) => l.name)];
    const fields = {
      kind: select("kind", kinds(m)), key: select("key", (m.run.plan?.objects ?? []).slice(0, 500)),
      node: select("node", ...of(lanes(["node"]))), client: select("client", ...of(lanes(["client", "fresh"]))),
    };
    const words = el("input", { type: "text", placeholder: "text", "aria-label": "text", size: 14 });
    const relation = el("select", { "aria-label": "relation" }, ["", "preceded by", "not preceded by", "followed by", "not followed by"].map((r) => el("option", { value: r }, r || "no more")));
    const other = el("input", { type: "text", placeholder: "what", "aria-label": "what comes before or after", size: 14 });
    const scope = el("select", { "aria-label": "where" }, [["", "anywhere"], ["node", "on the same node"], ["key", "on the same key"], ["operation", "on the same operation"]].map(([v, n]) => el("option", { value: v }, n)));
    const within = el("input", { type: "text", placeholder: "within, as 5ms", "aria-label": "within", size: 11 });
    const ask = () => {
      const parts = Object.entries(fields).filter(([, s]) => s.value).map(([name, s]) => `${name}:${quote(s.value)}`);
      if (words.value.trim()) parts.push(words.value.trim());
      if (relation.value) parts.push(relation.value, other.value.trim(), scope.value && "on the same " + scope.value, within.value.trim() && "within " + within.value.trim());
      done(parts.filter(Boolean).join(" "));
    };
    for (const s of Object.values(fields)) s.hidden = s.options.length < 2;
    root.replaceChildren(...Object.values(fields), words, relation, other, scope, within, el("button", { type: "button", onclick: ask }, "Ask this"),
      el("div", { class: "examples" }, "Or: ", examples(m).map((q) => el("button", { type: "button", onclick: () => done(q) }, q))),
      el("p", { class: "note" }, "Words are sought in the text of events, sent messages, disk requests and observations; “quoted words” together; key: node: client: kind: op: in that field; a leading minus excludes."));
  }

  const quote = (value) => /[\s"]/.test(value) ? `"${value.replaceAll('"', "")}"` : value;

  // kinds lists what happens in a run: kinds of events, messages and marks.
  function kinds(m) {
    const found = new Set();
    for (const e of m.events) found.add(e.kind.split(" ")[0]);
    for (const x of m.messages) { found.add("send"); found.add(x.kind); }
    for (const x of m.marks) { found.add(x.kind); if (x.name) found.add(x.name); }
    return [...found].filter((k) => k && !/[\s"]/.test(k)).sort().slice(0, 200);
  }

  function examples(m) {
    const some = m.messages.length > 0 ? ["kind:send -delivered"] : [];
    if (m.marks.some((x) => x.kind === "sync")) some.push("kind:send not preceded by kind:sync on the same node within 50ms");
    const last = m.messages.at(-1);
    if (last) some.push(`kind:send kind:${quote(last.kind)} not followed by kind:receive kind:${quote(last.kind)}`);
    some.push("kind:invoke not followed by kind:response on the same operation");
    if (m.messages.length > 0) some.push("kind:receive preceded by kind:boot on the same node within 10ms");
    return some;
  }

  return { open };
})();
