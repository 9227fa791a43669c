// main: reads the campaigns, and follows them.
(() => {
  const connection = dom.byId("connection");

  function connected(text, lost) {
    connection.textContent = text;
    connection.classList.toggle("lost", lost);
  }

  let reading = false, again = false;

  // read reads everything and shows it. A change meanwhile makes it read once more.
  async function read() {
    if (reading) {
      again = true;
      return;
    }
    reading = true;
    try {
      const answer = await fetch("/v1/campaigns");
      if (answer.ok) show(await answer.json());
      else notes([await answer.text()]);
    } catch {
      connected("the server does not answer", true);
    }
    reading = false;
    if (again) {
      again = false;
      read();
    }
  }

  function show(view) {
    dom.byId("dir").replaceChildren("in ", dom.el("bdi", {}, view.dir));
    notes(view.notes ?? []);
    figures.keep((view.live ?? []).map((f) => f.name));
    workers.show(view.workers);
    commits.show(view.campaigns);
    failures.show(view);
    campaigns.show(view);
    mutants.show(view);
  }

  function notes(list) {
    morph.children(dom.byId("notes"), list.map((n) => dom.el("p", {}, n)));
  }

  // follow gets live figures. The browser connects again by itself, until the server says
  // that it ends.
  function follow() {
    const events = new EventSource("/v1/campaigns/events");
    let groups = "";
    events.addEventListener("open", () => {
      connected("live", false);
      read();
    });
    events.addEventListener("error", () => connected("the server does not answer", true));
    events.addEventListener("series", (e) => figures.show(JSON.parse(e.data), true));
    events.addEventListener("figures", (e) => {
      const f = JSON.parse(e.data), now = f.stage + f.campaign.failed + "," + f.campaign.undecided + "," + (f.campaign.signatures ?? []).length;
      figures.show(f, false);
      if (now !== groups) read(); // the words of the failures may have changed
      groups = now;
    });
    events.addEventListener("workers", (e) => workers.show(JSON.parse(e.data)));
    events.addEventListener("changed", read);
    events.addEventListener("end", () => {
      events.close();
      connected("the server has ended: these are its last figures", true);
    });
  }

  theme.start(dom.byId("theme"), () => {});
  follow();
})();
