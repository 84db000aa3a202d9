import type { ModelRule } from '../../rule.ts';

const number = /^-?\d+$/;
const flag = /^(0|1|true|false)$/i;

/** Parameters of the ONNX Runtime backend with what their text must be. */
const known: Readonly<Record<string, { readonly pattern: RegExp; readonly expects: string }>> = {
  execution_mode: { pattern: /^[01]$/, expects: '0 (sequential) or 1 (parallel)' },
  intra_op_thread_count: { pattern: number, expects: 'a whole number' },
  inter_op_thread_count: { pattern: number, expects: 'a whole number' },
  enable_mem_arena: { pattern: flag, expects: '0 or 1' },
  enable_mem_pattern: { pattern: flag, expects: '0 or 1' },
  'session.use_device_allocator_for_initializers': { pattern: flag, expects: '0 or 1' },
  cudnn_conv_algo_search: { pattern: /^[0-2]$/, expects: '0, 1 or 2' },
  gpu_mem_limit: { pattern: number, expects: 'a number of bytes' },
  arena_extend_strategy: { pattern: /^[01]$/, expects: '0 or 1' },
  do_copy_in_default_stream: { pattern: flag, expects: '0 or 1' },
};

export const parameter: ModelRule = {
  code: 'onnx/parameter',
  severity: 'error',
  summary: 'Parameters of the ONNX Runtime backend have values that it can read.',
  why: 'Parameters are text, and the backend turns some of them into numbers when it makes a session: anything else fails the load.',
  fix: 'Write the number as text, e.g. `parameters { key: "intra_op_thread_count" value { string_value: "2" } }`.',
  *check(model) {
    if (model.backend !== 'onnxruntime') return;
    for (const [key, value] of Object.entries(model.written.parameters ?? {})) {
      const rule = Object.hasOwn(known, key) ? known[key] : undefined;
      const text = value.string_value ?? '';
      if (rule === undefined || rule.pattern.test(text)) continue;
      yield {
        path: `parameters[${JSON.stringify(key)}].value.string_value`,
        message: `parameter ${key} is '${text}', it must be ${rule.expects}`,
      };
    }
  },
};
