import { ConchError } from '../../base/index.ts';
import { completeInRepository, openRepository } from '../../repository/index.ts';
import type { InferenceClient } from '../inference-client.ts';
import type { ModelSignature } from '../typed/signature.ts';
import { signatureOf } from './describe.ts';

/**
 * The models of a repository, completed as Triton completes them; nothing is run. Without `names` all of them. Throws
 * CONFIG_INVALID for a model that Triton would refuse, MODEL_NOT_FOUND for a name that is not there.
 */
export async function fromRepository(root: string, names: readonly string[]): Promise<ModelSignature[]> {
  const repository = await openRepository(root, { inspect: true });
  requireKnown(
    names,
    repository.models.map(({ name }) => name),
    root,
  );
  return repository.models
    .filter(({ name }) => names.length === 0 || names.includes(name))
    .map((entry) => {
      const { config, problems } = completeInRepository(repository, entry, {});
      const faults = [...entry.diagnostics.filter(({ severity }) => severity === 'error'), ...problems];
      const [fault] = faults;
      if (fault) {
        throw new ConchError('CONFIG_INVALID', `model '${entry.name}': ${fault.message}`, {
          fix: `conch check ${root} tells more; --model leaves out models that are not ready`,
        });
      }
      return signatureOf({ ...config, name: entry.name });
    });
}

/** The models that a server has ready. Throws what the client throws, MODEL_NOT_FOUND for a name that is not among them. */
export async function fromServer(
  client: InferenceClient,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<ModelSignature[]> {
  const index = await client.index(signal);
  const ready = [...new Set(index.filter(({ state }) => state === 'READY').map(({ name }) => name))].sort();
  requireKnown(names, ready, client.url);
  const signatures: ModelSignature[] = [];
  for (const name of ready) {
    if (names.length > 0 && !names.includes(name)) continue;
    signatures.push(signatureOf({ ...(await client.modelConfig(name, undefined, signal)), name }));
  }
  return signatures;
}

function requireKnown(names: readonly string[], known: readonly string[], place: string): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new ConchError('MODEL_NOT_FOUND', `${place} has no model '${unknown}'; it has ${known.join(', ') || 'none'}`);
}
