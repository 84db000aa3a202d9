import type { ModelView } from '../../view.ts';

/** The preferred batch sizes written for the dynamic batcher and for the oldest-sequence strategy. */
export function preferredSizes(model: ModelView): { path: string; size: number }[] {
  const { dynamic_batching, sequence_batching } = model.written;
  return [
    ['dynamic_batching', dynamic_batching?.preferred_batch_size] as const,
    ['sequence_batching.oldest', sequence_batching?.oldest?.preferred_batch_size] as const,
  ].flatMap(([parent, sizes]) =>
    (sizes ?? []).map((size, index) => ({ path: `${parent}.preferred_batch_size[${index}]`, size })),
  );
}
