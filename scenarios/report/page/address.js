// address: what the part of the address behind # says: the run, the event, the question.
// An event is named by its number, so that a link holds when the page is built again.
const address = (() => {
  function read() {
    const p = new URLSearchParams(location.hash.slice(1));
    return { run: p.get("run"), event: p.get("event"), question: p.get("q") ?? "", only: p.get("only") ?? "" };
  }

  let timer = 0;

  // write replaces the address a moment later, as browsers allow no more than a few
  // changes a second.
  function write(place) {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const p = new URLSearchParams();
      p.set("run", place.run);
      p.set("event", place.event);
      if (place.question) p.set("q", place.question);
      if (place.only) p.set("only", place.only);
      history.replaceState(null, "", "#" + p);
    }, 150);
  }

  return { read, write };
})();
