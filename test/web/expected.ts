import { expect } from 'vitest';

/** What exercise.js sees, wherever it runs. */
export const expected = {
  health: [true, true, true, false],
  server: 'triton',
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 10] }],
  config: 8,
  mlp: [expect.stringMatching(/^-?\d+\.\d{4}$/)],
  identities: [
    ['out_bool', 'BOOL', [1, 2], [true, false]],
    ['out_int64', 'INT64', [1, 2], [`${2n ** 62n}n`, '-1n']],
    ['out_float16', 'FP16', [1, 2], [0.5, -2]],
    ['out_float', 'FP32', [1, 2], [0.25, -1]],
    ['out_string', 'BYTES', [1, 2], ['Gewinn 5 €', '{"']],
  ],
  compressed: 8,
  stream: [[1, 1]],
  unknown: [true, 'SERVER_ERROR', 'NOT_FOUND'],
  cancelled: [true, 'REQUEST_CANCELLED', 'CANCELLED'],
  unreachable: [true, 'SERVER_UNREACHABLE', 'UNAVAILABLE'],
};
