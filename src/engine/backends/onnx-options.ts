import { availableParallelism } from 'node:os';
import type { InferenceSession } from 'onnxruntime-node';
import { dimsOf, type ModelConfig } from '../../config/index.ts';
import { integerParameter, parameterError, parameterOf } from '../parameters.ts';

/** Where a model runs: `inline` on the event loop, `worker` in threads of its own. Absent: measured at load. */
export type Execution = 'inline' | 'worker';

const mostThreads = 1024;

/** Prefixes of ONNX Runtime's own session entries, which pass through from `parameters`. */
const entryPrefixes = ['session.', 'optimization.', 'ep.', 'mlas.'];

/** Triton's parameters that concern a GPU, or run options that the Node binding does not pass on; they change no result. */
export const ignoredParameters = [
  'cudnn_conv_algo_search',
  'gpu_mem_limit',
  'arena_extend_strategy',
  'do_copy_in_default_stream',
  'memory.enable_memory_arena_shrinkage',
];

export function executionOf(config: ModelConfig): Execution | undefined {
  const value = parameterOf(config, 'conch.execution');
  if (value === undefined || value === 'inline' || value === 'worker') return value;
  throw parameterError('conch.execution', value, "'inline' or 'worker'");
}

/**
 * ONNX Runtime's session options from a model's config, as Triton's backend reads it: `optimization.graph.level` and the
 * parameters `intra_op_thread_count`, `inter_op_thread_count`, `execution_mode`, `enable_mem_arena`,
 * `enable_mem_pattern`; besides those, every session entry by its own name. `threads` is what one instance gets where
 * the config says nothing: ONNX Runtime's default, all processors for each instance, would make instances fight.
 */
export function sessionOptions(config: ModelConfig, threads: number): InferenceSession.SessionOptions {
  const parallel = integerParameter(config, 'execution_mode', 1) === 1;
  const intra = integerParameter(config, 'intra_op_thread_count', mostThreads) ?? threads;
  const inter = integerParameter(config, 'inter_op_thread_count', mostThreads) ?? 1;
  const extra: Record<string, string> = {};
  for (const [key, { string_value: value }] of Object.entries(config.parameters ?? {})) {
    if (value !== undefined && entryPrefixes.some((prefix) => key.startsWith(prefix))) extra[key] = value;
  }
  return {
    executionProviders: ['cpu'],
    graphOptimizationLevel: graphLevels.get(config.optimization?.graph?.level ?? 0) ?? 'all',
    executionMode: parallel ? 'parallel' : 'sequential',
    // 0 means all to ONNX Runtime; said in numbers, since the binding takes 0 as not given.
    intraOpNumThreads: intra || availableParallelism(),
    interOpNumThreads: inter || availableParallelism(),
    enableCpuMemArena: integerParameter(config, 'enable_mem_arena', 1) !== 0,
    enableMemPattern: (integerParameter(config, 'enable_mem_pattern', 1) ?? (variesInShape(config) ? 0 : 1)) !== 0,
    // Fatal only: what fails is told to whoever asked, and requests must not be able to fill the log.
    logSeverityLevel: 4,
    extra,
  };
}

/** ONNX Runtime keeps a memory pattern for every combination of shapes that it has ever seen: too many for texts. */
function variesInShape(config: ModelConfig): boolean {
  return (config.input ?? []).some((input) => dimsOf(input).includes(-1));
}

/** Triton's `optimization { graph { level } }`: -1 basic, 1 extended, 2 off, anything else all. */
const graphLevels = new Map([
  [-1, 'basic'],
  [1, 'extended'],
  [2, 'disabled'],
] as const) as ReadonlyMap<number, 'basic' | 'extended' | 'disabled'>;
