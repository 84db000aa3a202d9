import { expect, test } from 'vitest';
import { checkModelName, selectVersions } from './index.ts';
import { checkVersion } from './names.ts';

const available = [3, 1, 10];

test.each([
  ['no policy: the highest', {}, [10]],
  ['latest with a number', { latest: { num_versions: 2 } }, [3, 10]],
  ['latest beyond what is there', { latest: { num_versions: 9 } }, [1, 3, 10]],
  ['latest without a number selects nothing', { latest: {} }, []],
  ['all', { all: {} }, [1, 3, 10]],
  ['a policy without a choice means all', { version_policy: true }, [1, 3, 10]],
  ['specific, as far as present', { specific: { versions: [10, 1n, 4] } }, [1, 10]],
  ['specific without a list', { specific: {} }, []],
])('%s', (_what, policy, expected) => {
  const config = 'version_policy' in policy ? { version_policy: {} } : { version_policy: policy };
  expect(selectVersions(Object.keys(policy).length === 0 ? {} : config, available)).toEqual(expected);
});

test.each([
  ['', 'it is empty'],
  ['  ', 'it is empty'],
  [' a', 'it starts or ends with white space'],
  ['.', 'it names a folder of the file system, not a model'],
  ['..', 'it names a folder of the file system, not a model'],
  ['.a', 'it starts with a dot, which hides the folder'],
  ['a/b', "it contains the path separator '/'"],
  ['a\\b', "it contains the path separator '\\'"],
  ['a\nb', 'it contains a control character or line break'],
  ['a\u0000', 'it contains a control character or line break'],
  ['a\ud800', 'it contains half of a surrogate pair'],
  ['é'.repeat(200), 'it takes 400 bytes, a file name holds 255'],
])('the name %j is refused', (name, reason) => {
  expect(() => checkModelName(name)).toThrow(`model name ${JSON.stringify(name)}: ${reason}`);
});

test('ordinary and foreign names pass', () => {
  for (const name of ['finbert', 'a-b_c.2', '金融 模型']) expect(checkModelName(name)).toBe(name);
});

test.each([0, -1, 1.5, 2 ** 53, Number.NaN])('version %d is not written', (version) => {
  expect(() => checkVersion(version)).toThrow(`model version ${version}: expected an integer from 1 to 2^53 - 1`);
});
