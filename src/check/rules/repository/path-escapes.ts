import { posix } from 'node:path';
import type { ModelRule } from '../../rule.ts';

export const pathEscapes: ModelRule = {
  code: 'repository/path-escapes',
  severity: 'error',
  summary: 'File names in a config stay inside the folder that they are looked up in.',
  why: 'A name such as `../../other/model.py` makes Triton open, and for some backends run, a file outside the version. Older releases allow it, which has been used in attacks; conch treats it as an error for every release, and its own server refuses it.',
  fix: 'Move the file into the version folder and name it without `..`.',
  *check(model) {
    const { default_model_filename, runtime, cc_model_filenames = {} } = model.written;
    const named: [string, string | undefined][] = [
      ['default_model_filename', default_model_filename],
      ['runtime', runtime],
      ...Object.entries(cc_model_filenames).map(([key, file]): [string, string] => [
        `cc_model_filenames[${JSON.stringify(key)}].value`,
        file,
      ]),
    ];
    for (const [path, file] of named) {
      if (!file || !leaves(file)) continue;
      yield { path, message: `${path.replace(/\[.*/, '')} '${file}' leads out of the version folder` };
    }
  },
};

function leaves(file: string): boolean {
  const plain = posix.normalize(file.replaceAll('\\', '/'));
  return plain.startsWith('/') || plain === '..' || plain.startsWith('../');
}
