package report

const svgHead = `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">
<title>%s</title>
`

const svgStyle = `
svg { --paper: #fff; --ink: #1b1f24; --faint: #8a929c; --bad: #b3261e; --blue: #1f5fa8; --band: #f3d9a4; --down: #d5d9de; }
@media (prefers-color-scheme: dark) { svg { --paper: #14171b; --ink: #e6e8eb; --faint: #8d96a0; --bad: #ff8a80; --blue: #7cb7ff; --band: #5a4418; --down: #3a4048; } }
text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: var(--ink); }
.paper { fill: var(--paper); }
.title { font-size: 16px; font-weight: bold; }
.lane { text-anchor: middle; font-weight: bold; font-size: 11px; }
.name { fill: var(--paper); stroke: var(--ink); }
.life { stroke: var(--faint); }
.report { font-weight: bold; }
.number, .cause, .span { fill: var(--faint); }
.span { font-size: 10px; }
.fate { font-size: 10px; text-anchor: middle; paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
.verdict { fill: var(--bad); font-weight: bold; text-anchor: end; }
.band { fill: var(--band); fill-opacity: .35; stroke: var(--faint); stroke-dasharray: 8 3 2 3; }
.down { fill: var(--down); stroke: var(--ink); }
.bar { fill: none; stroke: var(--ink); stroke-dasharray: 2 2; }
.violation { fill: var(--bad); fill-opacity: .12; stroke: var(--bad); stroke-width: 1.5; }
.sync { stroke: var(--ink); fill: none; }
.dot { fill: var(--ink); }
.cross { stroke: var(--bad); stroke-width: 2; fill: none; }
.ring { stroke: var(--bad); stroke-width: 2; fill: none; }
g line { stroke: var(--blue); stroke-width: 1.4; }
.copy line { stroke-dasharray: 7 3; }
.late line { stroke-dasharray: 1 3; }
.lost line { stroke: var(--bad); stroke-dasharray: 4 3; }
.damaged line { stroke: var(--bad); stroke-dasharray: 8 3 2 3; }
.open line { stroke: var(--faint); stroke-dasharray: 2 5; }
marker path { stroke: context-stroke; fill: none; stroke-width: 1.4; }
marker .full { fill: var(--blue); stroke: none; }
marker .bad { stroke: var(--bad); }
marker .faint { stroke: var(--faint); }
`

// svgEnds has an end for each style of lines.
const svgEnds = `<defs>
<marker id="delivered" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path class="full" d="M0 0L10 5L0 10z"/></marker>
<marker id="copy" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="10" markerHeight="10" markerUnits="userSpaceOnUse" orient="auto"><path class="full" d="M0 1L5 5L0 9zM5 1L10 5L5 9z"/></marker>
<marker id="late" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L10 5L0 10"/></marker>
<marker id="lost" viewBox="0 0 10 10" refX="5" refY="5" markerWidth="10" markerHeight="10" markerUnits="userSpaceOnUse"><path class="bad" d="M1 1L9 9M1 9L9 1"/></marker>
<marker id="damaged" viewBox="0 0 12 10" refX="6" refY="5" markerWidth="12" markerHeight="10" markerUnits="userSpaceOnUse"><path class="bad" d="M1 1L11 9M1 9L11 1M6 0L6 10"/></marker>
<marker id="open" viewBox="0 0 10 10" refX="5" refY="5" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse"><path class="faint" d="M2 5a3 3 0 1 0 6 0a3 3 0 1 0 -6 0"/></marker>
</defs>
`
