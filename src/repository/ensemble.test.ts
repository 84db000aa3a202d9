import { expect, test } from 'vitest';
import { parseConfig } from '../config/index.ts';
import { completeInRepository } from './ensemble.ts';
import type { ModelEntry, ModelRepository } from './entry.ts';

function repositoryOf(configs: Record<string, string>): ModelRepository {
  const models = Object.entries(configs).map(
    ([name, text]): ModelEntry => ({
      name,
      dir: `/models/${name}`,
      parsed: parseConfig(text),
      versions: [],
      ignoredFolders: [],
      files: ['config.pbtxt'],
      labels: {},
      dataFiles: {},
      diagnostics: [],
    }),
  );
  return { root: '/models', files: [], models, diagnostics: [] };
}
const ensembleOf = (...members: string[]) =>
  `platform: "ensemble" model_transaction_policy { decoupled: true } ensemble_scheduling { ${members.map((name) => `step { model_name: "${name}" model_namespace: "n" }`).join(' ')} }`;
const complete = (repository: ModelRepository, name: string) =>
  completeInRepository(repository, repository.models.find((model) => model.name === name)!);

test('an ensemble is decoupled exactly when a member is, through nested ensembles too', () => {
  const repository = repositoryOf({
    plain: 'backend: "python"',
    streaming: 'backend: "python" model_transaction_policy { decoupled: true }',
    inner: ensembleOf('plain', 'streaming'),
    outer: ensembleOf('inner'),
    quiet: ensembleOf('plain', 'missing'),
  });
  expect(complete(repository, 'outer').config.model_transaction_policy).toEqual({ decoupled: true });
  const quiet = complete(repository, 'quiet');
  expect(quiet.config.model_transaction_policy).toEqual({ decoupled: false });
  expect(quiet.changes).toContainEqual({
    path: 'model_transaction_policy.decoupled',
    by: 'server',
    reason: 'no member is decoupled',
  });
  expect(quiet.config.ensemble_scheduling!.step![0]!.model_namespace).toBe('');
});

test('a circle of ensembles ends', () => {
  const repository = repositoryOf({ a: ensembleOf('b'), b: ensembleOf('a') });
  expect(complete(repository, 'a').config.model_transaction_policy).toEqual({ decoupled: false });
});
