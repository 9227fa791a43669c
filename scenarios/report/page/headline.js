// headline: the short form of a text. The whole of it is in a title, or folded.
const headline = (() => {
  const longest = 200; // characters of a text that goes on with advice

  // of returns the part of a text that tells what happened: advice begins with a second
  // sentence, and a long first one ends at the end of a clause. Other texts stay whole.
  function of(text) {
    const end = text.search(/\. \p{Lu}/u);
    if (end < 0) return text;
    const sentence = text.slice(0, end);
    if (sentence.length <= longest) return sentence;
    const clause = sentence.lastIndexOf(": ", longest);
    return clause < 0 ? sentence : sentence.slice(0, clause);
  }

  // middle returns a long name without its middle: both of its ends tell it from others.
  function middle(name, most = 72) {
    if (name.length <= most) return name;
    const begin = Math.ceil(most * 0.6);
    return name.slice(0, begin) + "…" + name.slice(begin + 1 - most);
  }

  return { of, middle };
})();
