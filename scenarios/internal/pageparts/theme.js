// theme: light or dark, as the system says or the reader chooses.
const theme = (() => {
  const choices = ["auto", "light", "dark"];
  const names = { auto: "◐ as the system", light: "☀ light", dark: "☾ dark" };

  let choice = "auto";

  // apply sets a theme on the page.
  function apply(theme) {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }

  // paper makes the page light as long as it is printed.
  function paper(on) {
    apply(on ? "light" : choice);
  }

  // start makes a button that goes through the themes, and calls changed after a change.
  function start(button, changed) {
    const show = () => {
      apply(choice);
      button.textContent = names[choice];
      button.setAttribute("aria-label", "theme: " + names[choice].slice(2));
    };
    button.addEventListener("click", () => {
      choice = choices[(choices.indexOf(choice) + 1) % choices.length];
      show();
      changed();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
    show();
  }

  // colors returns the colors of the style sheet, for canvases.
  function colors() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue("--" + name).trim();
    return {
      background: of("background"), text: of("text"), muted: of("muted"), faint: of("faint"), line: of("line"), message: of("message"), odd: of("odd"),
      accent: of("accent"), danger: of("danger"), dangerSoft: of("danger-soft"), selected: of("selected"), hit: of("hit"), cut: of("cut"),
      stripes: of("stripes"), mark: of("mark"),
    };
  }

  return { start, paper, colors };
})();
