import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

// CONTRIBUTING.md shows the same table. A folder imports only from lower layers, through the other folder's index.ts.
const layers: Record<string, number> = {
  base: 0,
  tensor: 1,
  config: 2,
  onnx: 2,
  pytorch: 2,
  text: 2,
  checkpoint: 3,
  repository: 3,
  protocol: 3,
  check: 4,
  compile: 4,
  engine: 4,
  client: 4,
  server: 5,
  proxy: 5,
  measure: 5,
  deploy: 5,
  cli: 6,
};
const root = resolve(import.meta.dirname, '../src');

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (/\.ts$/.test(entry.name)) yield path;
  }
}

function importsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g);
  return [...found].map((match) => resolve(dirname(path), match[1]!));
}

test('imports go one way, and only through index.ts', () => {
  const breaches: string[] = [];
  for (const path of sources(root)) {
    const from = relative(root, path).split('/');
    if (from.length === 1) continue; // src/index.ts and src/main.ts are the doors: they may see everything.
    for (const target of importsOf(path)) {
      const to = relative(root, target).split('/');
      if (to[0] === from[0] || to[0] === '..') continue;
      const here = relative(root, path);
      const isTest = here.endsWith('.test.ts');
      if (layers[to[0]!] === undefined) breaches.push(`${here}: imports ${to.join('/')}, which no layer holds`);
      else if (!isTest && !(layers[to[0]!]! < layers[from[0]!]!))
        breaches.push(`${here}: ${from[0]} (layer ${layers[from[0]!]}) imports ${to[0]} (layer ${layers[to[0]!]})`);
      if (to.slice(1).join('/') !== 'index.ts') breaches.push(`${here}: imports ${to.join('/')} past its index.ts`);
    }
  }
  expect(breaches).toEqual([]);
});

test('every folder of src has a layer', () => {
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map((entry) => entry.name).filter((name) => layers[name] === undefined)).toEqual([]);
});

test('no source file has grown past 500 lines', () => {
  const long = [...sources(root)].filter(
    (path) => !/generated\.ts$|schema\/table\.ts$/.test(path) && readFileSync(path, 'utf8').split('\n').length > 500,
  );
  expect(long.map((path) => relative(root, path))).toEqual([]);
});
