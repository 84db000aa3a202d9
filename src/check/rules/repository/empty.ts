import { join } from 'node:path';
import type { RepositoryRule } from '../../rule.ts';

export const empty: RepositoryRule = {
  code: 'repository/empty',
  severity: 'warning',
  scope: 'repository',
  summary: 'The repository holds models.',
  why: 'Triton starts on an empty repository and serves nothing. The usual cause is a path one level off: a repository holds a folder for each model, and each of these holds `config.pbtxt` and version folders.',
  fix: 'Give the folder that contains the model folders.',
  *check({ source }) {
    if (source.files.includes('config.pbtxt')) {
      yield {
        file: join(source.root, 'config.pbtxt'),
        message: 'this folder holds a config.pbtxt itself: it is a model, not a repository of models',
        fix: `check the folder above: ${join(source.root, '..')}`,
      };
    } else if (source.models.length === 0) yield { message: 'the repository holds no model folder' };
  },
};
