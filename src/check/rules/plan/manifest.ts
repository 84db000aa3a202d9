import { z } from 'zod';
import type { ModelView } from '../../view.ts';

/** A range of one dimension over an optimisation profile: the batch sizes that it takes. */
const profile = z.object({ min: z.number(), max: z.number() });

/** What conch.json records about a TensorRT plan, under `tensorrt`. */
const schema = z.object({
  /** TensorRT that built the plan, e.g. `10.16.0`. */
  version: z.string().optional(),
  /** CUDA compute capability that it was built on, e.g. `8.9`. */
  computeCapability: z.string().optional(),
  /** Built with version compatibility: newer minor releases load it. */
  versionCompatible: z.boolean().optional(),
  /** Built with hardware compatibility: newer GPUs load it. */
  hardwareCompatible: z.boolean().optional(),
  /** Batch sizes of each optimisation profile. */
  profiles: z.array(profile).optional(),
});

export type PlanFacts = z.infer<typeof schema>;

/** The facts about a model's plan, when it is a TensorRT model with a manifest that has them. */
export function planOf(model: ModelView): PlanFacts | undefined {
  if (model.backend !== 'tensorrt') return undefined;
  const parsed = schema.safeParse(model.entry.manifest?.tensorrt);
  return parsed.success ? parsed.data : undefined;
}
