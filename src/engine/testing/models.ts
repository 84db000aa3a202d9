import type { Engine } from '../engine.ts';
import { ProbeBackend } from './probe.ts';
import { fp32 } from './repository.ts';

/** The config of a model of one number in, one out. */
export const probe = (more = '') => `
  backend: "probe" max_batch_size: 8
  input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] }
  output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }
  ${more}
`;
/** An ensemble of such models, one after the other. */
export const chain = (...models: string[]) => `
  platform: "ensemble" max_batch_size: 8
  input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] }
  output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }
  ensemble_scheduling { ${models
    .map(
      (model, index) => `step { model_name: "${model}" model_version: -1
        input_map { key: "x" value: "${index === 0 ? 'x' : `t${index}`}" }
        output_map { key: "y" value: "${index === models.length - 1 ? 'y' : `t${index + 1}`}" } }`,
    )
    .join('\n')} }
`;
export const all = 'version_policy { all {} }';
export const ask = (engine: Engine, model: string, version?: string) =>
  engine.infer({ model, version, inputs: [fp32('x', [1, 1], [1])] });
/** Answers with the version that served. */
export const versioned = () =>
  new ProbeBackend({
    answer: ({ inputs, outputs }, { version }) =>
      outputs.map((name) => ({ ...inputs[0]!, name, data: Float32Array.of(version) })),
  });
/** `name version state` of every row of the index. */
export const rows = (engine: Engine) =>
  engine
    .index()
    .map(({ name, version, state }) => [name, version, state].filter((part) => part !== undefined).join(' '));
export const reasonOf = (engine: Engine, name: string) => engine.index().find((row) => row.name === name)?.reason;
