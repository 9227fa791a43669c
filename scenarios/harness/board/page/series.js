// series: the samples of one campaign over time, thinned as the server thins its own.
const series = (() => {
  const most = 512;

  // add returns the samples with a later one. One that is there already is not added.
  function add(samples, sample) {
    const last = samples[samples.length - 1];
    if (last && sample.at_s <= last.at_s) return samples;
    const kept = samples.length >= most ? samples.filter((_, i) => i % 2 === 1) : samples;
    return [...kept, sample];
  }

  return { add };
})();
