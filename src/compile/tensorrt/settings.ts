import { z } from 'zod';

/** Sizes of a model's varying dimensions; `sequence`, where it has one, in tokens. */
export interface PlanPoint {
  batch: number;
  sequence?: number;
}

/** An optimisation profile: the least and greatest sizes that it takes, and those that it is tuned for. */
export interface PlanProfile {
  min: PlanPoint;
  opt: PlanPoint;
  max: PlanPoint;
}

/** Where trtexec runs, and on which GPU. */
export interface PlanBuilder {
  /**
   * `docker` (the default): in the container image that will serve the plan. `python`: with the package `tensorrt` of the
   * Python that compile steps use. `command`: on another host, by a prefix such as `['ssh', 'gpu']` that trtexec's command
   * is put behind, or by a template: `{trtexec}` in one of its elements becomes that command, `{work}` the folder on this
   * machine. `folder` is where that host sees the folder; the same path unless given.
   */
  where?: 'docker' | 'python' | { command: string[]; folder?: string };
  /** The container image; NVIDIA's of the target's release unless given. */
  image?: string;
  /** `docker run --gpus`; `all` unless given. */
  gpus?: string;
  /** Path of trtexec there. */
  trtexec?: string;
}

/** How a TensorRT plan is made of a model's ONNX. */
export interface TensorrtSettings extends PlanBuilder {
  /** Optimisation profiles; by default one for the largest batch, and one for each smaller `preferred_batch_size`. */
  profiles?: PlanProfile[];
  /** TensorRT of the server that will load the plan, e.g. `10.16.0`, where the target does not tell. */
  version?: string;
  /** Memory for the builder's workspace in MiB; all of the GPU's unless given. */
  workspace?: number;
  /** 0 to 5: how long TensorRT looks for faster kernels; its own default is 3. */
  builder_optimization_level?: number;
  /** `ampere+`: the plan loads on later GPUs too, and runs slower. */
  hardware_compatibility_level?: 'ampere+';
  /** FP32 products in TF32, which keeps 10 bits of the mantissa. */
  tf32?: boolean;
  /** File of measured kernels that later builds take over, relative to the deployment file; in conch's cache unless given. */
  timing_cache?: string;
  /** One plan for each of these GPUs, e.g. `{ '8.9': { where: ... }, '9.0': { ... } }`; what is left out is as above. */
  compute_capabilities?: { [computeCapability: string]: PlanBuilder };
  /** The most that one build may take; 3600 unless given. */
  timeout_seconds?: number;
}

const point = z.strictObject({ batch: z.int().min(1), sequence: z.int().min(1).optional() });
const builder = {
  where: z
    .union([
      z.enum(['docker', 'python']),
      z.strictObject({ command: z.array(z.string().min(1)).min(1), folder: z.string().min(1).optional() }),
    ])
    .optional(),
  image: z.string().regex(/^\S+$/).optional(),
  gpus: z.string().min(1).optional(),
  trtexec: z.string().min(1).optional(),
};

/** A deployment's `tensorrt` field. */
export const tensorrtField = z
  .strictObject({
    ...builder,
    profiles: z
      .array(z.strictObject({ min: point, opt: point, max: point }))
      .min(1)
      .optional(),
    version: z
      .string()
      .regex(/^\d+(\.\d+)+$/, "expected TensorRT's version, such as 10.16.0")
      .optional(),
    workspace: z.int().min(1).optional(),
    builder_optimization_level: z.int().min(0).max(5).optional(),
    hardware_compatibility_level: z.enum(['ampere+']).optional(),
    tf32: z.boolean().optional(),
    timing_cache: z.string().min(1).optional(),
    compute_capabilities: z
      .record(z.string().regex(/^\d+\.\d+$/, 'expected a compute capability, such as 8.9'), z.strictObject(builder))
      .refine((plans) => Object.keys(plans).length > 0, 'expected at least one')
      .optional(),
    timeout_seconds: z.number().positive().optional(),
  })
  .optional();
