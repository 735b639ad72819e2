export const STYLE = `
:root { --ink: #1c1e21; --paper: #fff; --line: #d8dbe0; --good: #146c3a; --bad: #b3261e; --faint: #5c6370; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --paper: #16181c; --line: #363b44; --good: #6fd39b; --bad: #ff8a80; --faint: #9aa3b0; }
}
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { display: inline; font-size: 1.1rem; } code { overflow-wrap: anywhere; }
details { border-top: 1px solid var(--line); padding: .5rem 0; } summary { cursor: pointer; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; min-width: 46rem; margin-top: .5rem; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th, td:nth-child(-n + 3) { white-space: nowrap; overflow-wrap: normal; }
.passed > td:first-child, p.passed { color: var(--good); } .failed > td:first-child, .failed { color: var(--bad); font-weight: 600; }
tr.failed { color: inherit; font-weight: inherit; } .not-offered { color: var(--faint); }
`
