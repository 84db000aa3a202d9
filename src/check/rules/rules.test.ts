import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { completionRules, textRules } from '../../config/index.ts';
import { rulesMarkdown } from '../markdown.ts';
import { rules } from './index.ts';

const groups = readdirSync(import.meta.dirname, { withFileTypes: true }).filter((entry) => entry.isDirectory());

test('every code is unique, named after its group, and none of the parser', () => {
  const codes = rules.map((rule) => rule.code);
  expect(new Set(codes).size).toBe(codes.length);
  for (const code of codes) {
    expect(code).toMatch(/^[a-z]+\/[a-z-]+$/);
    expect(groups.map((group) => group.name)).toContain(code.split('/')[0]);
    expect(Object.keys(textRules)).not.toContain(code);
  }
});

test('every rule explains itself in single lines', () => {
  for (const { code, summary, why, fix } of rules) {
    for (const text of [summary, why, fix]) {
      expect(text.length, code).toBeGreaterThan(10);
      expect(text, code).not.toMatch(/\n|^\s|\s$/);
    }
    expect(summary, code).toMatch(/\.$/);
  }
});

test('every rule has a test that fires it and one that does not', () => {
  const tests = groups.flatMap((group) =>
    readdirSync(join(import.meta.dirname, group.name))
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => readFileSync(join(import.meta.dirname, group.name, name), 'utf8')),
  );
  const tested = tests.flatMap((text) =>
    [...text.matchAll(/testRule\('([^']+)', \{\n {2}fires: \[\n?/g)].map((match) => match[1]!),
  );
  expect(rules.map((rule) => rule.code).filter((code) => !tested.includes(code))).toEqual([]);
});

test('every rule is one file, and every file of a group is listed', () => {
  for (const group of groups) {
    const folder = join(import.meta.dirname, group.name);
    const listed = readFileSync(join(folder, 'index.ts'), 'utf8');
    const files = readdirSync(folder).filter((name) => !/index\.ts$|\.test\.ts$/.test(name));
    const defining = files.filter((name) => readFileSync(join(folder, name), 'utf8').includes("  code: '"));
    expect(defining.filter((name) => !listed.includes(`./${name}`))).toEqual([]);
    const codes = defining.flatMap((name) => [...readFileSync(join(folder, name), 'utf8').matchAll(/^ {2}code: '/gm)]);
    expect(codes.length).toBe(defining.length);
  }
});

test('what completion can find is reported by a rule here', () => {
  const reported: Record<keyof typeof completionRules, string | undefined> = {
    'complete/no-backend': 'general/backend-missing',
    'complete/not-batchable': 'onnx/batch-dimension',
    'complete/not-a-tensor': 'onnx/value-type',
    // Only running model.py would tell, and checking runs nothing.
    'complete/python-clash': undefined,
  };
  expect(Object.keys(reported).sort()).toEqual(Object.keys(completionRules).sort());
  const codes = rules.map((rule) => rule.code);
  for (const code of Object.values(reported)) if (code !== undefined) expect(codes).toContain(code);
});

test('the reference page has every rule, and every code of the parser', () => {
  const page = rulesMarkdown();
  for (const rule of rules) expect(page).toContain(`### ${rule.code}\n\n*${rule.severity}`);
  for (const code of Object.keys(textRules)) expect(page).toContain(`| \`${code}\` |`);
  expect(page).toMatch(/^# Rules of `conch check`\n/);
  expect(page.endsWith('\n')).toBe(true);
  expect(page).not.toContain('\n\n\n');
  expect(page).not.toMatch(/^## [a-z]+$/m);
});
