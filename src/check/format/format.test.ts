import pc from 'picocolors';
import { expect, test } from 'vitest';
import type { Diagnostic } from '../../base/index.ts';
import { findTarget } from '../../onnx/index.ts';
import { check } from '../check.ts';
import { type Files, python, snapshot } from '../testing.ts';
import { formatGithub } from './github.ts';
import { formatJson } from './json.ts';
import { formatSarif } from './sarif.ts';
import { formatText, plainPalette } from './text.ts';

const target = findTarget('triton:26.03');
const files: Files = python('max_batch_size: 8\n\tdynamic_batching { preferred_batch_size: [ 4, 16 ] }\nname: "other"');
const repository = snapshot(files);
const found = check(repository, target);

test('text: place, message, the line with a caret, the fix, and a line that sums up', () => {
  expect(
    formatText(found, repository, plainPalette, '/'),
  ).toBe(`models/m/config.pbtxt:5:48 error preferred_batch_size 16 is above max_batch_size 8 [batching/preferred-above-max]
  5 | \tdynamic_batching { preferred_batch_size: [ 4, 16 ] }
    | \t                                              ^
  fix: set max_batch_size to 16 or more, or remove 16 from preferred_batch_size

models/m/config.pbtxt:6:7 error name is 'other' but the folder is 'm' [repository/name-mismatch]
  6 | name: "other"
    |       ^
  fix: set name to "m", or rename the folder to other

1 model, 1 refused: 2 errors, 0 warnings`);
});

test('text: colours come from the palette only, and control characters of a file never reach the terminal', () => {
  const colours = formatText(found, repository, pc.createColors(true));
  expect(colours).toContain('\u001b[31merror\u001b[39m');
  const hostile: Diagnostic = {
    code: 'x/y',
    severity: 'info',
    message: 'bad \u001b[2J name\nsecond line',
    where: { file: '/elsewhere/fi\u001b[31m\nle' },
  };
  expect(formatText([hostile], snapshot({}), plainPalette, '/models')).toBe(
    '/elsewhere/fi\ufffd[31m le info bad \ufffd[2J name second line [x/y]\n\nno models: 0 errors, 0 warnings, 1 info',
  );
});

test('text: a very long line is cut around the column', () => {
  const completing = 'def auto_complete_config';
  const long = snapshot({
    ...files,
    'm/config.pbtxt': `backend: "python" ${' '.repeat(5000)}max_batch_size: -1`,
    'm/1/model.py': completing,
  });
  const text = formatText(check(long), long);
  const [, source, caret] = text.split('\n');
  expect(source!.length).toBeLessThan(130);
  expect(source![caret!.indexOf('^')]).toBe('-');
});

test('text: a good repository says so', () => {
  const good = snapshot(python());
  expect(formatText(check(good), good)).toBe('1 model, all load: 0 errors, 0 warnings');
});

test('json: the contract, every key in every diagnostic', () => {
  const answer = JSON.parse(formatJson(found, repository, target));
  expect(Object.keys(answer)).toEqual(['repository', 'target', 'models', 'diagnostics']);
  expect(answer.target).toBe('triton:26.03');
  expect(answer.models).toEqual({ m: { verdict: 'refused', errors: 2, warnings: 0 } });
  expect(answer.diagnostics[0]).toEqual({
    code: 'batching/preferred-above-max',
    severity: 'error',
    message: 'preferred_batch_size 16 is above max_batch_size 8',
    model: 'm',
    file: '/models/m/config.pbtxt',
    line: 5,
    column: 48,
    path: 'dynamic_batching.preferred_batch_size[1]',
    fix: 'set max_batch_size to 16 or more, or remove 16 from preferred_batch_size',
  });
  const bare: Diagnostic = { code: 'x/y', severity: 'info', message: 'm', where: {} };
  expect(JSON.parse(formatJson([bare], repository)).diagnostics[0]).toEqual({
    code: 'x/y',
    severity: 'info',
    message: 'm',
    model: null,
    file: null,
    line: null,
    column: null,
    path: null,
    fix: null,
  });
});

test('github: workflow commands with everything escaped', () => {
  const odd: Diagnostic = {
    code: 'x/y',
    severity: 'info',
    message: '100% of\nit',
    where: { file: '/work/a,b:c/config.pbtxt', line: 3, column: 2 },
    fix: { text: 'do it' },
  };
  expect(formatGithub([odd, { ...odd, severity: 'warning', where: {} }], '/work')).toBe(
    [
      '::notice file=a%2Cb%3Ac/config.pbtxt,line=3,col=2,title=conch x/y::100%25 of%0Ait%0Afix: do it',
      '::warning title=conch x/y::100%25 of%0Ait%0Afix: do it',
    ].join('\n'),
  );
});

test('sarif: rules, levels, regions and replacements', () => {
  const log = JSON.parse(formatSarif(found, repository, '/models'));
  expect(log.version).toBe('2.1.0');
  const [run] = log.runs;
  expect(run.tool.driver.rules.map((one: { id: string }) => one.id)).toEqual([
    'batching/preferred-above-max',
    'repository/name-mismatch',
  ]);
  const [first, second] = run.results;
  expect(first).toEqual({
    ruleId: 'batching/preferred-above-max',
    ruleIndex: 0,
    level: 'error',
    message: {
      text: 'preferred_batch_size 16 is above max_batch_size 8. Fix: set max_batch_size to 16 or more, or remove 16 from preferred_batch_size',
    },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: 'm/config.pbtxt' },
          region: { startLine: 5, startColumn: 48 },
        },
        logicalLocations: [{ name: 'm', kind: 'module' }],
      },
    ],
  });
  const [change] = second.fixes[0].artifactChanges;
  const [replacement] = change.replacements;
  const text = String(files['m/config.pbtxt']);
  const { charOffset, charLength } = replacement.deletedRegion;
  expect(text.slice(0, charOffset) + replacement.insertedContent.text + text.slice(charOffset + charLength)).toBe(
    text.replace('"other"', '"m"'),
  );
  const outside: Diagnostic = { code: 'config/syntax', severity: 'warning', message: 'm', where: { file: '/a b/c' } };
  const [result] = JSON.parse(formatSarif([outside], repository, '/models')).runs[0].results;
  expect(result.locations[0].physicalLocation.artifactLocation.uri).toBe('file:///a%20b/c');
  expect(result.level).toBe('warning');
});
