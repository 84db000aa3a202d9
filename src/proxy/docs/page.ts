import type { ConchError } from '../../base/index.ts';
import type { Readiness } from '../catalog.ts';
import type { Json } from '../encode.ts';
import { isScalar, type ModelInterface, type TensorInterface } from '../interface.ts';
import { answerExample, requestExamples, type Schema, summaryOf } from '../schema.ts';
import { html, type Markup } from './html.ts';

export interface DocsPageOptions {
  readonly document: Schema;
  readonly models: readonly ModelInterface[];
  readonly faults: readonly { readonly name: string; readonly error: ConchError }[];
  readonly readiness: Readiness;
  readonly prefix: string;
}

/** All that the page may load or talk to is the proxy itself. */
export const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * The documentation as one page, written out on the server so that it reads without scripts. The script only sends
 * the examples and copies the commands. Links are relative to `<prefix>/docs`, so it works behind a path of a gateway.
 */
export function docsPage({ document, models, faults, readiness, prefix }: DocsPageOptions): string {
  const fixed = Object.entries(document.paths as Record<string, Schema>)
    .filter(([, operations]) => 'get' in operations)
    .map(([path, operations]) => fixedRoute(path.slice(prefix.length), operations.get as Schema));
  const state = readiness.ready
    ? html`<p class="state ready">ready</p>`
    : html`<p class="state waiting">not ready: ${readiness.reason ?? ''}</p>`;
  const none =
    models.length === 0 ? [html`<p>No model is offered yet. Reload this page when the server is ready.</p>`] : [];
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>conch proxy</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/docs.css">
<script src="docs/docs.js" defer></script>
</head>
<body>
<nav aria-label="Routes">
<h1>conch proxy</h1>
${state}
<h2>Models</h2>
<ul>${models.map(({ name }) => html`<li><a href="#${anchor(name)}">${name}</a></li>`)}</ul>
<h2>Other routes</h2>
<ul>${fixed.map(({ path }) => html`<li><a href="#${anchor(path)}">${path}</a></li>`)}</ul>
<p><a href="openapi.json">OpenAPI 3.1 document</a></p>
</nav>
<main>
${none}
${models.map(modelSection)}
${faults.map(({ name, error }) => html`<section class="fault"><h2>${name}</h2><p>${error.message}</p></section>`)}
${fixed.map(({ markup }) => markup)}
</main>
</body>
</html>
`.text;
}

function modelSection(model: ModelInterface): Markup {
  const path = `models/${encodeURIComponent(model.name)}`;
  const { one, several } = requestExamples(model);
  const answer = answerExample(model);
  const labels = model.classes ? html`<p>Labels: ${model.classes.labels.join(', ')}</p>` : html``;
  return html`<section id="${anchor(model.name)}" data-path="${path}">
<h2><span class="method post">POST</span> /${path}</h2>
<p>${summaryOf(model)}. Version ${model.version}.</p>
${labels}
${taskLine(model, path)}
<div class="columns">
<div>
<h3>Takes</h3>
${tensorTable(model.inputs)}
<h3>Gives</h3>
${tensorTable(model.outputs)}
<p>A request with lists of items is answered with a list, in the same order.</p>
<h3>Looks like</h3>
<pre>${compact(answer)}</pre>
</div>
<form>
<label>Request body <textarea name="body" spellcheck="false" rows="8">${compact(one)}</textarea></label>
<p class="buttons">
<button type="submit">Send</button>
<button type="button" data-fill="${JSON.stringify(one)}">One item</button>
<button type="button" data-fill="${JSON.stringify(several)}">Several items</button>
</p>
<output aria-live="polite"></output>
<h3>curl</h3>
<pre class="curl"></pre>
</form>
</div>
</section>`;
}

/** The further route that a model has by its task. */
function taskLine({ task }: ModelInterface, path: string): Markup {
  if (!task) return html``;
  const openai = task.name === 'embed' ? html` and <code>POST /v1/embeddings</code>` : html``;
  return html`<p>By its task also <code>POST /${path}/${task.name}</code>${openai}; see the OpenAPI document.</p>`;
}

function tensorTable(tensors: readonly TensorInterface[]): Markup {
  const rows = tensors.map(
    (tensor) =>
      html`<tr><td><code>${tensor.name}</code></td><td>${tensor.datatype}</td><td>${shapeInWords(tensor)}${tensor.optional ? ', optional' : ''}</td></tr>`,
  );
  return html`<table><thead><tr><th>field</th><th>type</th><th>one item</th></tr></thead><tbody>${rows}</tbody></table>`;
}

function shapeInWords(tensor: TensorInterface): string {
  if (isScalar(tensor)) return tensor.datatype === 'BYTES' ? 'a text' : 'one value';
  const [length = -1] = tensor.dims;
  if (tensor.dims.length === 1) return length < 0 ? 'a list of values' : `a list of ${length} values`;
  return `lists of shape ${tensor.dims.map((dim) => (dim < 0 ? 'any' : dim)).join(' × ')}`;
}

function fixedRoute(path: string, operation: Schema): { path: string; markup: Markup } {
  const responses = Object.entries(operation.responses as Record<string, Schema>).map(
    ([status, response]) => html`<tr><td>${status}</td><td>${String(response.description ?? '')}</td></tr>`,
  );
  const link = path.includes('{') ? html`${path}` : html`<a href="${path.slice(1)}">${path}</a>`;
  const markup = html`<section id="${anchor(path)}">
<h2><span class="method get">GET</span> ${link}</h2>
<p>${String(operation.summary ?? '')}.</p>
<table><thead><tr><th>status</th><th>when</th></tr></thead><tbody>${responses}</tbody></table>
</section>`;
  return { path, markup };
}

/** JSON on as many lines as it has fields: long lists of numbers stay on one line. */
function compact(value: Schema): string {
  const fields = Object.entries(value).map(([key, field]) => `  ${JSON.stringify(key)}: ${inline(field)}`);
  return `{\n${fields.join(',\n')}\n}`;
}

function inline(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([key, field]) => `${JSON.stringify(key)}: ${inline(field)}`)
    .join(', ')} }`;
}

function anchor(name: string): string {
  return `r-${name.replace(/[^A-Za-z0-9_-]/g, (character) => `_${character.codePointAt(0)!.toString(16)}`)}`;
}
