import { toInteger } from '../../config/index.ts';
import { classify, type InferenceRequest, type InferenceResponse } from '../../protocol/index.ts';
import type { ServedEngine } from '../context.ts';

/** The answer with classes in place of the outputs that the request wants classified. */
export function withClasses(
  engine: ServedEngine,
  { outputs: wanted }: InferenceRequest,
  response: InferenceResponse,
): InferenceResponse {
  if (!wanted?.some((output) => output.classification)) return response;
  const { model, version } = response;
  const batching = toInteger(engine.config(model, version).max_batch_size, 0) > 0;
  const outputs = response.outputs.map((tensor) => {
    const count = wanted.find((output) => output.name === tensor.name)?.classification;
    if (!count) return tensor;
    return classify(tensor, { count, batching, labels: engine.labels(model, tensor.name, version) });
  });
  return { ...response, outputs };
}
