import { type Case, config, modelPy } from '../case.ts';

const policies: Record<string, string> = {
  none: '',
  'latest 1': 'version_policy { latest { num_versions: 1 } }',
  'latest 2': 'version_policy { latest { num_versions: 2 } }',
  'latest without number': 'version_policy { latest { } }',
  all: 'version_policy { all { } }',
  'empty policy': 'version_policy { }',
  'specific present': 'version_policy { specific { versions: [ 1 ] } }',
  'specific absent': 'version_policy { specific { versions: [ 7 ] } }',
  'specific both': 'version_policy { specific { versions: [ 1, 7 ] } }',
  'specific empty': 'version_policy { specific { } }',
};

const folders: Record<string, string[]> = {
  'no version': [],
  'version 0': ['0'],
  'version 007': ['007'],
  'not a number': ['one'],
  'numeric prefix': ['1abc'],
  negative: ['-1'],
  'beyond 32 bits': ['4294967297'],
  'reserved names': ['1', 'warmup', 'configs', 'initial_state'],
  'hidden folder beside': ['1', '.cache'],
  'leading zero beside': ['1', '02'],
  several: ['1', '2', '10'],
};

const withFolders = (tail: string, names: string[]) => ({
  'm/config.pbtxt': config(tail),
  ...Object.fromEntries(names.map((name) => [`m/${name}/model.py`, modelPy])),
});

export const cases: Case[] = [
  ...Object.entries(policies).map(([name, policy]) => ({
    name: `versions: policy ${name}`,
    files: withFolders(policy, ['1', '3']),
  })),
  ...Object.entries(folders).map(([name, names]) => ({ name: `versions: ${name}`, files: withFolders('', names) })),
  { name: 'versions: a file in the place of a folder', files: { 'm/config.pbtxt': config(''), 'm/1': 'x' } },
  { name: 'versions: empty folder', files: { 'm/config.pbtxt': config(''), 'm/1/': '' } },
  { name: 'versions: the newest lacks its model', files: { ...withFolders('', ['1']), 'm/2/': '' } },
];
