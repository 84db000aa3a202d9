import type { CompletedConfig } from '../config/index.ts';
import { type CompletionHost, completeModel } from './completion.ts';
import type { ModelEntry, ModelRepository } from './entry.ts';

/**
 * A model's configuration as Triton completes it with the rest of the repository in sight: an ensemble is decoupled
 * when one of its members is, directly or through another ensemble, whatever its file says; and its steps lose the
 * name space that only the server may give. Other models complete by themselves.
 */
export function completeInRepository(
  repository: ModelRepository,
  entry: ModelEntry,
  host: CompletionHost = {},
): CompletedConfig {
  const completed = completeModel(entry, host);
  const { config } = completed;
  if (config.ensemble_scheduling === undefined) return completed;
  const changes = [...completed.changes];
  const member = decoupledMember(entry, (name) => repository.models.find((model) => model.name === name));
  const decoupled = member !== undefined;
  if (config.model_transaction_policy?.decoupled !== decoupled) {
    const reason = member === undefined ? 'no member is decoupled' : `its member ${member} is decoupled`;
    changes.push({ path: 'model_transaction_policy.decoupled', by: 'server', reason });
  }
  const step = config.ensemble_scheduling.step?.map((one, index) => {
    if (!one.model_namespace) return one;
    const path = `ensemble_scheduling.step[${index}].model_namespace`;
    changes.push({ path, by: 'server', reason: 'only the server gives name spaces' });
    return { ...one, model_namespace: '' };
  });
  return {
    ...completed,
    changes,
    config: {
      ...config,
      model_transaction_policy: { decoupled },
      ensemble_scheduling: { ...config.ensemble_scheduling, ...(step && { step }) },
    },
  };
}

/**
 * The first member that makes an ensemble decoupled, looked for through nested ensembles; a circle ends the search.
 * `known` keeps what was found of every ensemble on the way: an empty name where there is none.
 */
export function decoupledMember(
  entry: ModelEntry,
  find: (name: string) => ModelEntry | undefined,
  known: Map<string, string> = new Map(),
): string | undefined {
  const before = known.get(entry.name);
  if (before !== undefined) return before || undefined;
  known.set(entry.name, '');
  for (const { model_name: name = '' } of entry.parsed?.config.ensemble_scheduling?.step ?? []) {
    const member = find(name);
    const config = member?.parsed?.config;
    if (member === undefined || config === undefined) continue;
    const isEnsemble = config.platform === 'ensemble' || config.ensemble_scheduling !== undefined;
    const found = isEnsemble
      ? decoupledMember(member, find, known)
      : config.model_transaction_policy?.decoupled && name;
    if (!found) continue;
    known.set(entry.name, found);
    return found;
  }
  return undefined;
}
