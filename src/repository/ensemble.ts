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
  const member = decoupledMember(repository, entry, new Set());
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

/** The first member that answers as it likes, looked for through nested ensembles; a circle ends the search. */
function decoupledMember(repository: ModelRepository, entry: ModelEntry, seen: Set<string>): string | undefined {
  if (seen.has(entry.name)) return undefined;
  seen.add(entry.name);
  for (const { model_name: name } of entry.parsed?.config.ensemble_scheduling?.step ?? []) {
    const member = repository.models.find((model) => model.name === name);
    const config = member?.parsed?.config;
    if (member === undefined || config === undefined) continue;
    if (config.ensemble_scheduling !== undefined) {
      const found = decoupledMember(repository, member, seen);
      if (found !== undefined) return found;
    } else if (config.model_transaction_policy?.decoupled) return name;
  }
  return undefined;
}
