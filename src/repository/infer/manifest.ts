import { z } from 'zod';
import { type Datatype, datatypes, isDatatype } from '../../tensor/index.ts';
import { type Manifest, manifestFile } from '../manifest.ts';
import type { Draft } from './draft.ts';

const tensor = z.object({
  name: z.string().min(1),
  datatype: z.custom<Datatype>((value) => typeof value === 'string' && isDatatype(value)),
  dims: z.array(z.number().int()).min(1),
});
const tensors = z.object({ inputs: z.array(tensor), outputs: z.array(tensor) });
const plan = z.object({ profiles: z.array(z.object({ max: z.number().int() })).min(1) });

/** Triton's own choice where nothing says how large a batch may be. */
const defaultBatch = 4;

/**
 * Fills a draft with the tensors that conch.json records, whose dims leave the batch dimension out. True when the
 * manifest has them.
 */
export function inferFromManifest(draft: Draft, manifest: Manifest): boolean {
  const recorded = tensors.safeParse(manifest.tensors);
  if (!recorded.success) return false;
  const list = (side: readonly z.infer<typeof tensor>[]) =>
    side.map(({ name, datatype, dims }) => ({ name, data_type: datatypes[datatype].config, dims: [...dims] }));
  const reason = `recorded in ${manifestFile}`;
  draft.fill('input', list(recorded.data.inputs), reason);
  draft.fill('output', list(recorded.data.outputs), reason);
  if (draft.config.max_batch_size === undefined) {
    const profiles = plan.safeParse(manifest.tensorrt);
    if (profiles.success) {
      const most = Math.max(...profiles.data.profiles.map((one) => one.max));
      draft.set('max_batch_size', most, 'file', 'the largest batch of the profiles of the plan');
      draft.notes.push(`the profiles of the plan go up to batches of ${most}: max_batch_size is ${most}`);
    } else {
      draft.set('max_batch_size', defaultBatch, 'backend', `${manifestFile} does not limit the batch`);
      draft.notes.push(
        `${manifestFile} does not say how large a batch may be: max_batch_size is ${defaultBatch}, the default of Triton; --max-batch-size sets another`,
      );
    }
  }
  const { max_batch_size: size = 0, sequence_batching: sequence, dynamic_batching: dynamic } = draft.config;
  if (size > 1 && !sequence && !dynamic)
    draft.set('dynamic_batching', {}, 'file', 'the model can batch and no scheduler is chosen');
  return true;
}
