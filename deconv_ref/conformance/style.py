"""How a page looks: in the light and in the dark, on a phone, to the keyboard."""

__all__ = ["STYLE"]

STYLE = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --text: #1a1a1a; --soft: #555555; --line: #b0b0b0; --panel: #f2f2f2;
  --link: #0b4f9e; --good: #dcf3dc; --fair: #fdf0c4; --bad: #ffd9d6; --bar: #bcd6f5;
  --fed: #cfe2fb; --mark: #b3120a;
  font: 16px/1.5 system-ui, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14161a; --text: #ececec; --soft: #b4b4b4; --line: #55585e; --panel: #20242a;
    --link: #9cc7ff; --good: #153a1e; --fair: #453806; --bad: #571a17; --bar: #1f4673;
    --fed: #1d3f66; --mark: #ff8d84;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 75rem; padding: 1rem; overflow-wrap: anywhere;
  background: var(--page); color: var(--text);
}
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { position: static; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.3rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1.1rem; margin: 2rem 0 .25rem; }
.summary { font-size: 1.1rem; margin: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .75rem 0; }
dt, small, figcaption, .legend, .plane { color: var(--soft); }
dd { margin: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; overflow-wrap: normal; }
caption { text-align: left; color: var(--soft); padding-bottom: .25rem; white-space: nowrap; }
th, td { border: 1px solid var(--line); padding: .2rem .5rem; text-align: left; line-height: 1.25; }
th[scope=row], tr > th:first-child { position: sticky; left: 0; background: var(--page); }
th { font-weight: 600; }
th:first-child { max-width: 9rem; }
td, th + th { white-space: nowrap; }
td.conforms { background: var(--good); }
td.refuses, td.inexact { background: var(--fair); }
td.wrong, td.crashes { background: var(--bad); font-weight: 700; }
td a { color: inherit; }
td.absent { color: var(--soft); }
.bar { background: linear-gradient(to top, var(--bar) var(--share), transparent 0); }
summary { cursor: pointer; padding: .35rem 0; }
pre {
  margin: 0 0 1rem; padding: .75rem; white-space: pre-wrap; background: var(--panel);
  font: .85rem/1.45 ui-monospace, monospace;
}
.legend { margin: 0 0 .5rem; }
.pictures { display: flex; flex-wrap: wrap; gap: .75rem 1.5rem; margin-bottom: 1rem; }
figure { margin: 0; min-width: 0; }
svg { display: block; max-width: 100%; height: auto; font: 12px ui-monospace, monospace; }
svg text { fill: var(--text); text-anchor: middle; }
svg .plane { fill: var(--soft); text-anchor: start; }
rect { fill: none; stroke: var(--line); }
rect.feeding { fill: var(--fed); }
rect.wrong { fill: var(--bad); }
.frame { fill: none; stroke: var(--mark); stroke-width: 2; }
.corner { fill: var(--mark); }
"""
