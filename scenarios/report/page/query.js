// query: questions in time. A question is what a line must have, and what must or must
// not come before or after it:
//
//	acknowledgment node:2 not preceded by sync on the same node within 5ms
//
// Words and "quoted words" are sought in the text; key:, node:, client:, kind: and op:
// in the field of that name, of which node, client and kind are whole words; a leading
// minus excludes.
const query = (() => {
  const fields = ["key", "node", "client", "kind", "op"];
  const exact = { node: true, client: true, kind: true };
  const sizes = { ns: 1, us: 1e3, "µs": 1e3, ms: 1e6, s: 1e9, m: 60e9 };
  const scopes = { node: "node", key: "key", operation: "op", op: "op" };

  // parse returns {terms, relations}, or {error} with what is wrong and the remedy.
  function parse(text) {
    try {
      return parseTokens(tokens(text));
    } catch (e) {
      if (!(e instanceof Mistake)) throw e;
      return { error: e.message };
    }
  }

  class Mistake extends Error {}

  function tokens(text) {
    const found = [];
    const pattern = /(-?)(?:([A-Za-z]+):)?(?:"([^"]*)("?)|(\S+))/g;
    for (const m of text.matchAll(pattern)) {
      if (m[3] !== undefined && m[4] === "") throw new Mistake("a quotation mark is open: close it");
      found.push({ minus: m[1] === "-", field: m[2]?.toLowerCase(), value: m[3] ?? m[5], quoted: m[3] !== undefined });
    }
    return found;
  }

  function parseTokens(list) {
    const at = { list, i: 0 };
    const question = { terms: parseTerms(at), relations: [] };
    while (at.i < list.length) question.relations.push(parseRelation(at));
    return question;
  }

  // words tells whether the next tokens are these plain words, and takes them if so.
  function words(at, ...expected) {
    const next = at.list.slice(at.i, at.i + expected.length);
    const same = next.length === expected.length && next.every((t, i) => isWord(t) && t.value.toLowerCase() === expected[i]);
    if (same) at.i += expected.length;
    return same;
  }

  const isWord = (t) => !t.quoted && !t.field && !t.minus;

  function startsRelation(at) {
    const here = { list: at.list, i: at.i };
    words(here, "and");
    words(here, "not");
    return words(here, "preceded", "by") || words(here, "followed", "by");
  }

  function parseTerms(at) {
    const terms = [];
    while (at.i < at.list.length && !startsRelation(at)) {
      const t = at.list[at.i];
      if (isWord(t) && ["within", "on"].includes(t.value.toLowerCase())) break;
      at.i++;
      terms.push(parseTerm(t));
    }
    return terms;
  }

  function parseTerm(t) {
    if (!t.field) return { field: "text", value: t.value.toLowerCase(), minus: t.minus };
    if (!fields.includes(t.field)) {
      // A colon within a name, as in urn:x, is no field.
      return { field: "text", value: (t.field + ":" + t.value).toLowerCase(), minus: t.minus };
    }
    if (t.value === "") throw new Mistake(`${t.field}: needs a value, as in ${t.field}:${t.field === "key" ? "a" : "1"}`);
    return { field: t.field, value: t.value.toLowerCase(), minus: t.minus };
  }

  function parseRelation(at) {
    words(at, "and");
    const negated = words(at, "not");
    const after = !words(at, "preceded", "by");
    if (after && !words(at, "followed", "by")) {
      throw new Mistake(`“${at.list[at.i].value}” stands where “preceded by” or “followed by” is expected; quote it to search for it`);
    }
    const relation = { negated, after, terms: parseTerms(at), within: Infinity, same: [] };
    if (relation.terms.length === 0) throw new Mistake(`say what it is ${after ? "followed" : "preceded"} by, as in “${after ? "followed" : "preceded"} by sync”`);
    while (at.i < at.list.length && !startsRelation(at)) parseLimit(at, relation);
    return relation;
  }

  function parseLimit(at, relation) {
    if (words(at, "within")) {
      relation.within = duration(at.list[at.i++]?.value);
    } else if (words(at, "on")) {
      words(at, "the");
      if (!words(at, "same")) throw new Mistake("“on” is followed by “the same node”, “the same key” or “the same operation”");
      const scope = scopes[at.list[at.i++]?.value.toLowerCase()];
      if (!scope) throw new Mistake("“the same” is followed by “node”, “key” or “operation”");
      relation.same.push(scope);
    } else {
      throw new Mistake(`“${at.list[at.i].value}” stands after the limit: write what is sought before “within” and “on”`);
    }
  }

  function duration(text) {
    const m = /^(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m)$/.exec(text ?? "");
    if (!m) throw new Mistake("“within” needs a duration, as in 5ms or 1.5s");
    return Number(m[1]) * sizes[m[2]];
  }

  // matches tells whether a line has what the terms ask for. A line has at, node, client,
  // kind, key, op and text; all but at are lower-case text, and may be several words.
  function matches(terms, line) {
    return terms.every((t) => {
      const value = line[t.field] ?? "";
      const has = exact[t.field] ? (" " + value + " ").includes(" " + t.value + " ") : value.includes(t.value);
      return has !== t.minus;
    });
  }

  // run returns the indices of the lines that a question finds. Lines are in order.
  function run(question, lines) {
    let hits = [];
    for (let i = 0; i < lines.length; i++) {
      if (matches(question.terms, lines[i])) hits.push(i);
    }
    for (const r of question.relations) {
      const holds = relationTest(r, lines);
      hits = hits.filter((i) => holds(i) !== r.negated);
    }
    return hits;
  }

  // relationTest returns a test of whether the line with an index has another one in
  // that relation to it.
  function relationTest(relation, lines) {
    const groups = new Map(); // by what must be the same: indices of lines that match, ascending
    const groupOf = (line) => relation.same.map((f) => line[f] ?? "").join("\u0000");
    lines.forEach((line, i) => {
      if (!matches(relation.terms, line)) return;
      const group = groupOf(line);
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push(i);
    });
    return (i) => {
      if (relation.same.some((f) => !lines[i][f])) return false;
      const found = groups.get(groupOf(lines[i]));
      if (!found) return false;
      const next = above(found, i);
      if (relation.after) return next < found.length && lines[found[next]].at - lines[i].at <= relation.within;
      const previous = found[next - 1] === i ? next - 2 : next - 1;
      return previous >= 0 && lines[i].at - lines[found[previous]].at <= relation.within;
    };
  }

  // above returns the position of the first number in an ascending list that is greater.
  function above(list, number) {
    let low = 0, high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle] > number) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  return { parse, run, matches };
})();
