"""How the page of a derivation looks."""

PAGE = """
:root { color-scheme: light dark }
body { margin: 0 }
@media (prefers-color-scheme: dark) { body { background: #16181b } }
"""
CSS = """
.catenary {
  --ink: #1b1e23; --soft: #646b75; --line: #d9dde2; --paper: #ffffff; --tint: #f5f6f8; --accent: #1f5f8b;
  color: var(--ink); background: var(--paper); margin: 0 auto; padding: 2.5rem 1.5rem 3rem; max-width: 52rem;
  font: 1.0625rem/1.5 "Latin Modern Roman", "STIX Two Text", Charter, Georgia, "Times New Roman", serif;
}
@media (prefers-color-scheme: dark) {
  .catenary { --ink: #e4e6e9; --soft: #9aa2ad; --line: #363b42; --paper: #16181b; --tint: #1e2125; --accent: #7fb6dc }
}
.catenary h1 { font-size: 1.5rem; font-weight: 600; line-height: 1.3; margin: 0 }
.catenary h2 { font-size: 1.0625rem; font-weight: 600; margin: 1.75rem 0 .4rem; break-after: avoid }
.catenary p { margin: .3rem 0; color: var(--soft) }
.catenary math { font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", math }
.catenary pre {
  background: var(--tint); border-left: 3px solid var(--line); padding: .7rem 1rem; margin: .4rem 0; overflow-x: auto;
  font: .8125rem/1.45 ui-monospace, "JetBrains Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
.catenary .equations { border-collapse: collapse; width: 100%; line-height: 1.9 }
.catenary .equations td { vertical-align: baseline; padding: .1rem 0; text-align: left; border: 0 }
.catenary .equations th { text-align: center; font-weight: 400; font-style: italic; color: var(--soft) }
.catenary .equations tr { break-inside: avoid; background: none }
.catenary td.left { text-align: right; white-space: nowrap; width: 8rem }
.catenary .equations td.right { text-indent: -1.5em; padding-left: 1.85em }
.catenary td.span { text-align: right; color: var(--soft); padding-left: 1rem; font-size: .9em }
.catenary .result td { padding: .3rem 0 }
.catenary .result { border-top: 1px solid var(--line); border-bottom: 1px solid var(--line) }
.catenary .shapes { display: flex; flex-wrap: wrap; gap: .15rem 1.6rem; padding: 0; margin: .2rem 0; list-style: none }
.catenary .shape { color: var(--soft); font-size: .92em; margin-left: .3em }
.catenary .notes { color: var(--soft); margin: .2rem 0; padding-left: 1.1rem; font-size: .95em }
.catenary mtext { white-space: nowrap }
.catenary mtext.axis { font-family: ui-sans-serif, "Helvetica Neue", Arial, sans-serif; font-size: .9em }
.catenary details { margin-top: 1.75rem }
.catenary summary { cursor: pointer; font-weight: 600 }
@media print {
  .catenary { max-width: none; padding: 0; --paper: #fff; --ink: #000; --soft: #444; --tint: #fff; font-size: 10.5pt }
  .catenary pre { white-space: pre-wrap }
}
"""
