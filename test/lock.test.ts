import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Entry {
  readonly resolved?: string;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
  packages: Record<string, Entry>;
};

/** Where Node.js would find `name` from the package at `path`: the nearest node_modules on the way up. */
function placeOf(path: string, name: string): string | undefined {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const place = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (place in lock.packages) return place;
    if (at === '') return undefined;
  }
}

// npm writes only the optional packages that the registry had when the lock was made. An entry by hand does for one of them:
// version, os, cpu, optional, and dev where the package that needs it has it.
test('the lock has what every package needs, on other platforms too: npm ci refuses it otherwise', () => {
  const missing = Object.entries(lock.packages).flatMap(([path, { dependencies = {}, optionalDependencies = {} }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => placeOf(path, name) === undefined)
      .map((name) => `${name}, of ${path}`),
  );
  expect(missing).toEqual([]);
});

test('the lock names no registry: packages come from the one that npm is set to', () => {
  expect(Object.values(lock.packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
});
