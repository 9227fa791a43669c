// verdicts: the verdict of a campaign as a class and a text.
const verdicts = (() => {
  function of(c) {
    if (c.running) return ["", "running"];
    if (c.differed) return ["fault", "harness fault"];
    const text = c.failed > 0 ? "failed" : c.undecided > 0 ? "undecided" : "passed";
    if (c.interrupted) return [text === "passed" ? "interrupted" : text, text === "passed" ? "interrupted" : text + ", interrupted"];
    return [text, text];
  }

  return { of };
})();
