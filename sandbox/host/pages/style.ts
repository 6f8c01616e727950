/** The look of the pages, for light and dark; no script, no font, nothing from elsewhere. */
export const style = `
:root { color-scheme: light dark;
  --paper: #fbfbfd; --card: #fff; --ink: #1c1e26; --soft: #666b7a; --line: #e3e5ec; --hover: #f3f5fb;
  --accent: #2f5fd0; --good: #1a7f4b; --bad: #c0352b; --busy: #2f5fd0; --pause: #97690a; --idle: #666b7a; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14161c; --card: #1b1e26; --ink: #e7e9f0; --soft: #9aa0b2; --line: #2c303c; --hover: #222631;
  --accent: #8fb0ff; --good: #5fcf96; --bad: #ff8a80; --busy: #8fb0ff; --pause: #e6bb5c; --idle: #9aa0b2; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
main, header { max-width: 1120px; margin: 0 auto; padding: 0 24px }
header { display: flex; align-items: baseline; gap: 16px; padding-top: 28px; padding-bottom: 12px }
header .where { color: var(--soft); margin-left: auto; text-align: right; font-size: 13px }
h1 { font-size: 21px; font-weight: 650; margin: 0; letter-spacing: -.01em }
h1.mono { font-size: 18px; overflow-wrap: anywhere } h1 + .status { margin-left: 10px }
.brand { font-size: 21px; font-weight: 650; letter-spacing: -.01em } .brand a { color: inherit }
h2 { font-size: 14px; font-weight: 650; margin: 28px 0 8px }
a { color: var(--accent); text-decoration: none } a:hover { text-decoration: underline }
code, pre, .mono { font-family: ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; font-size: 13px }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow: hidden }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 6px; margin: 12px 0 16px }
.bar form { display: flex; gap: 8px; margin-left: auto }
.tab { padding: 4px 12px; border-radius: 999px; color: var(--soft); border: 1px solid transparent }
.tab:hover { background: var(--hover); text-decoration: none }
.tab[aria-current] { color: var(--ink); border-color: var(--line); background: var(--card); font-weight: 600 }
.tab b { font-weight: 500; color: var(--soft); margin-left: 4px }
input, button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; padding: 5px 12px }
input:focus, button:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px }
button { cursor: pointer } button:hover { background: var(--hover) }
button.danger { color: var(--bad); border-color: currentColor; background: transparent }
table { border-collapse: collapse; width: 100% }
th { text-align: left; font-weight: 500; font-size: 13px; color: var(--soft) }
th, td { padding: 9px 16px; border-bottom: 1px solid var(--line); vertical-align: top }
tr:last-child td { border-bottom: 0 } tbody tr:hover { background: var(--hover) }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
td.time { white-space: nowrap; color: var(--soft) }
td .mono, pre { overflow-wrap: anywhere }
td.much { color: var(--pause); font-weight: 600 }
.status { white-space: nowrap; color: var(--idle) }
.status::before { content: ""; display: inline-block; width: 8px; height: 8px; border-radius: 50%;
  background: currentColor; margin-right: 8px }
.Completed { color: var(--good) } .Failed, .Terminated { color: var(--bad) }
.Running, .ContinuedAsNew { color: var(--busy) } .Suspended { color: var(--pause) }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 6px 24px; padding: 16px; margin: 0 }
.facts dt { color: var(--soft) } .facts dd { margin: 0; min-width: 0 }
pre { margin: 0; white-space: pre-wrap }
.empty { padding: 48px 16px; text-align: center; color: var(--soft) }
.note { border-left: 3px solid var(--pause); padding: 8px 16px; margin: 0 0 8px; background: var(--card) }
.pager { display: flex; justify-content: space-between; padding: 12px 0 48px }
.soft { color: var(--soft) }
`
