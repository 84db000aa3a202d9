/** The documentation page's script. Plain JavaScript: it runs in the reader's browser as it stands. */
export const docsScript = `'use strict';
const quote = (text) => "'" + text.replaceAll("'", "'\\\\''") + "'";

for (const section of document.querySelectorAll('section[data-path]')) {
  const form = section.querySelector('form');
  const body = form.elements.body;
  const output = form.querySelector('output');
  const curl = form.querySelector('.curl');
  const url = new URL(section.dataset.path, document.baseURI).href;

  const showCommand = () => {
    curl.textContent = 'curl ' + quote(url) + " \\\\\\n  -H 'content-type: application/json' \\\\\\n  -d " + quote(minify(body.value));
  };
  body.addEventListener('input', showCommand);
  for (const button of form.querySelectorAll('[data-fill]')) {
    button.addEventListener('click', () => {
      body.value = spread(JSON.parse(button.dataset.fill));
      showCommand();
    });
  }
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    output.replaceChildren('…');
    try {
      const started = performance.now();
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: body.value,
      });
      const text = await response.text();
      const ms = (performance.now() - started).toFixed(1);
      const status = document.createElement('p');
      status.className = response.ok ? 'state ready' : 'state waiting';
      status.textContent = response.status + ' in ' + ms + ' ms';
      const pre = document.createElement('pre');
      pre.textContent = pretty(text);
      output.replaceChildren(status, pre);
    } catch (error) {
      output.replaceChildren(String(error));
    }
  });
  showCommand();
}

function minify(text) {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

function pretty(text) {
  try {
    const value = JSON.parse(text);
    return Array.isArray(value) ? '[\\n' + value.map(spread).join(',\\n') + '\\n]' : spread(value);
  } catch {
    return text;
  }
}

function spread(value) {
  const fields = Object.entries(value).map(([key, field]) => '  ' + JSON.stringify(key) + ': ' + inline(field));
  return '{\\n' + fields.join(',\\n') + '\\n}';
}

function inline(value) {
  if (Array.isArray(value)) return '[' + value.map(inline).join(', ') + ']';
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return '{ ' + Object.entries(value).map(([key, field]) => JSON.stringify(key) + ': ' + inline(field)).join(', ') + ' }';
}
`;

export const docsStyle = `:root {
  color-scheme: light dark;
  --ground: light-dark(#fff, #14171a);
  --raised: light-dark(#f4f6f8, #1d2125);
  --line: light-dark(#d9dee3, #33393f);
  --text: light-dark(#1b1f23, #e4e8ec);
  --quiet: light-dark(#57606a, #9aa4ae);
  --accent: light-dark(#0b6bcb, #6cb6ff);
  --good: light-dark(#1a7f37, #57c878);
  --bad: light-dark(#b35900, #f0a04b);
}
* { box-sizing: border-box; }
body { margin: 0; display: grid; grid-template-columns: 15rem minmax(0, 1fr); font: 15px/1.5 system-ui, sans-serif; background: var(--ground); color: var(--text); }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem; border-right: 1px solid var(--line); background: var(--raised); }
nav h1 { font-size: 1.15rem; margin: 0; }
nav h2 { font-size: 0.75rem; text-transform: uppercase; letter-spacing: 0.06em; color: var(--quiet); margin: 1.5rem 0 0.25rem; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li { overflow-wrap: anywhere; }
a { color: var(--accent); text-decoration: none; }
a:hover, a:focus-visible { text-decoration: underline; }
main { padding: 1rem 2rem 4rem; max-width: 72rem; }
section { padding: 1.5rem 0; border-bottom: 1px solid var(--line); scroll-margin-top: 1rem; }
section h2 { font: 600 1.05rem ui-monospace, monospace; margin: 0 0 0.5rem; overflow-wrap: anywhere; }
section.fault h2 { color: var(--quiet); }
h3 { font-size: 0.85rem; color: var(--quiet); margin: 1rem 0 0.35rem; }
.columns { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 2rem; }
.method { font-size: 0.75rem; padding: 0.15rem 0.45rem; border-radius: 4px; color: var(--ground); background: var(--accent); }
.method.get { background: var(--good); }
.state { margin: 0.25rem 0; font-size: 0.85rem; }
.state.ready { color: var(--good); }
.state.waiting { color: var(--bad); }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { text-align: left; padding: 0.3rem 0.75rem 0.3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 500; color: var(--quiet); }
pre, textarea { font: 0.85rem/1.45 ui-monospace, monospace; background: var(--raised); color: var(--text); border: 1px solid var(--line); border-radius: 6px; padding: 0.75rem; margin: 0; width: 100%; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 24rem; overflow-y: auto; }
textarea { resize: vertical; }
label { font-size: 0.85rem; color: var(--quiet); }
.buttons { display: flex; gap: 0.5rem; margin: 0.5rem 0; }
button { font: inherit; font-size: 0.9rem; padding: 0.3rem 0.9rem; border: 1px solid var(--line); border-radius: 6px; background: var(--raised); color: inherit; cursor: pointer; }
button[type='submit'] { background: var(--accent); border-color: var(--accent); color: var(--ground); }
@media (max-width: 60rem) {
  body, .columns { grid-template-columns: minmax(0, 1fr); }
  nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); }
}
`;
