import type { ModelWarmup, ModelWarmup_Input } from '../../../config/index.ts';
import type { ModelView } from '../../view.ts';

export interface SampleView {
  readonly path: string;
  readonly label: string;
  readonly sample: ModelWarmup;
  readonly inputs: readonly { readonly name: string; readonly path: string; readonly data: ModelWarmup_Input }[];
}

/** The warm-up samples that Triton runs: those with a `batch_size` above 0. An ensemble may have none. */
export function samplesOf(model: ModelView): SampleView[] {
  if (model.isEnsemble) return [];
  return (model.written.model_warmup ?? []).flatMap((sample, index) => {
    if (!sample.batch_size) return [];
    const path = `model_warmup[${index}]`;
    const inputs = Object.entries(sample.inputs ?? {}).map(([name, data]) => ({
      name,
      path: `${path}.inputs[${JSON.stringify(name)}].value`,
      data,
    }));
    return [{ path, label: sample.name ? `warm-up sample '${sample.name}'` : path, sample, inputs }];
  });
}
