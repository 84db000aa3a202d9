import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

// Reads the types of KServe's resources out of its Python SDK (PyPI, Apache-2.0), which is generated from the same
// schemas as the cluster's, and keeps field names and types of those that are needed. Types of Kubernetes stay names.
const wheel = 'kserve==0.21.0';
const roots = ['V1beta1InferenceService', 'V1alpha1ServingRuntime'];
const out = resolve(import.meta.dirname, '../test/fixtures/deploy/kserve.json');

const folder = mkdtempSync(join(tmpdir(), 'conch-kserve-'));
const python = process.env.CONCH_PYTHON ?? 'python3';
execFileSync(python, ['-m', 'pip', 'download', '-q', '--disable-pip-version-check', '--no-deps', '-d', folder, wheel]);
execFileSync(python, ['-m', 'zipfile', '-e', join(folder, readdirSync(folder)[0]!), folder]);

/** Every class of the SDK: JSON names of its fields, with their types, and which of them must be given. */
const classes = new Map<string, { fields: Record<string, string>; required: string[] }>();
const models = join(folder, 'kserve/models');
for (const file of readdirSync(models).filter((name) => name.endsWith('.py'))) {
  const text = readFileSync(join(models, file), 'utf8');
  const name = /^class (\w+)\(object\)/m.exec(text)?.[1];
  if (name === undefined) continue;
  const types = dictionary(text, 'openapi_types');
  const keys = dictionary(text, 'attribute_map');
  const fields = Object.fromEntries(Object.entries(types).map(([attribute, type]) => [keys[attribute]!, type]));
  const required = Object.keys(types).filter((attribute) =>
    text.includes(`Invalid value for \`${attribute}\`, must not be`),
  );
  classes.set(name, { fields, required: required.map((attribute) => keys[attribute]!) });
}
rmSync(folder, { recursive: true });

const wanted: Record<string, { fields: Record<string, string>; required: string[] }> = {};
const queue = [...roots];
for (const name of queue) {
  const found = classes.get(name);
  if (found === undefined || wanted[name]) continue;
  wanted[name] = found;
  for (const type of Object.values(found.fields)) queue.push(type.replace(/^(list\[|dict\(str, )(.*)[\])]$/, '$2'));
}
const sorted = Object.fromEntries(Object.entries(wanted).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(out, `${JSON.stringify({ source: `PyPI ${wheel}, Apache-2.0`, types: sorted }, null, 2)}\n`);
process.stdout.write(`${Object.keys(sorted).length} types in ${out}\n`);

/** A dictionary of strings in Python's source. */
function dictionary(text: string, name: string): Record<string, string> {
  const body = new RegExp(`^    ${name} = \\{([^}]*)\\}`, 'm').exec(text)?.[1] ?? '';
  return Object.fromEntries([...body.matchAll(/'([^']+)': '([^']+)'/g)].map(([, key, value]) => [key!, value!]));
}
