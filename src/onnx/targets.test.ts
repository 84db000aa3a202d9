import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { defaultTarget, findTarget, irVersionOf, targets } from './index.ts';

test('a target has several names', () => {
  const target = findTarget('triton:26.07');
  expect(target).toMatchObject({ name: 'triton:26.07', release: '26.07', server: '2.71.0', onnxruntime: '1.27.0' });
  expect(findTarget('26.07')).toBe(target);
  expect(findTarget('triton:latest')).toBe(defaultTarget);
  expect(findTarget('latest')).toBe(targets[0]);
});

test('known facts', () => {
  expect(findTarget('26.06').onnxruntime).toBe('1.24.4');
  expect(findTarget('26.01').onnxruntime).toBe('1.23.2');
  expect(findTarget('24.01')).toMatchObject({ onnxruntime: '1.16.3', opset: 19, irVersion: 9, python: '3.10' });
  expect(new Set(targets.map(({ name }) => name)).size).toBe(targets.length);
  for (const { opset, irVersion } of targets) expect(irVersionOf(opset)).toBeLessThanOrEqual(irVersion);
});

test('the embedded target is what is installed', () => {
  const require = createRequire(import.meta.url);
  const manifest = join(dirname(require.resolve('onnxruntime-node')), '../package.json');
  const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
  expect(findTarget('embedded')).toMatchObject({ name: 'embedded', onnxruntime: version, release: undefined });
});

test.each(['triton:19.01', 'nvidia', '', 'triton:'])("'%s' is unknown, and the known ones are listed", (name) => {
  expect(() => findTarget(name)).toThrow(
    expect.objectContaining({
      code: 'USAGE',
      message: `unknown target '${name}'`,
      fix: expect.stringMatching(/^use embedded, triton:latest or one of triton:26\.08, .*triton:24\.01$/),
    }),
  );
});

test('IR versions belong to opsets', () => {
  expect([7, 9, 13, 17, 19, 20, 21, 22, 23, 24, 26].map(irVersionOf)).toEqual([3, 4, 7, 8, 9, 9, 10, 10, 11, 12, 13]);
});
