'use strict';

{
  const report = JSON.parse(document.getElementById('document').textContent);
  const page = document.getElementById('page');
  const add = (name, text) => page.appendChild(document.createElement(name)).textContent = text;
  add('h1', `${report.system}: ${report.signature || report.status}`);
  add('p', report.sentence);
  add('pre', report.repeat || '');
  for (const run of report.runs) {
    add('h2', run.name);
    add('pre', (run.trace || []).join('\n'));
  }
}
