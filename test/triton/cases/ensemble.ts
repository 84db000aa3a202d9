import { type Case, config, ensemble, pythonModel } from '../case.ts';

interface Shape {
  /** Lines of the first member, `a`: x to y. */
  a?: string;
  /** Lines of the second member, `b`: x to y. */
  b?: string;
  aSides?: { input?: string; output?: string };
  bSides?: { input?: string; output?: string };
  input?: string;
  output?: string;
  steps?: string;
  /** Further lines of the ensemble. */
  tail?: string;
  /** In the place of the whole ensemble. */
  whole?: string;
  files?: Record<string, string>;
}

const stepA =
  'step { model_name: "a" model_version: -1 input_map { key: "x" value: "in" } output_map { key: "y" value: "mid" } }';
const stepB =
  'step { model_name: "b" model_version: -1 input_map { key: "x" value: "mid" } output_map { key: "y" value: "out" } }';

const shapes: Record<string, Shape> = {
  'two steps': {},
  'steps in the other order': { steps: `${stepB} ${stepA}` },
  'no steps': { steps: '' },
  'no scheduling': {
    whole:
      'platform: "ensemble" input { name: "in" data_type: TYPE_FP32 dims: 4 } output { name: "out" data_type: TYPE_FP32 dims: 4 }',
  },
  'scheduling without platform': {
    whole: `input { name: "in" data_type: TYPE_FP32 dims: 4 } output { name: "out" data_type: TYPE_FP32 dims: 4 } ensemble_scheduling { ${stepA} ${stepB} }`,
  },
  'backend given': { tail: 'backend: "python"' },
  'instance group': { tail: 'instance_group { kind: KIND_CPU }' },
  'empty optimization': { tail: 'optimization { }' },
  'warm-up': { tail: 'model_warmup { name: "w" batch_size: 1 }' },
  'dynamic batching beside': { tail: 'dynamic_batching { }' },
  'aligned batch sizes': { a: 'max_batch_size: 8', b: 'max_batch_size: 8', tail: 'max_batch_size: 8' },
  'batch above a member': { a: 'max_batch_size: 8', b: 'max_batch_size: 4', tail: 'max_batch_size: 8' },
  'batch below a member': { a: 'max_batch_size: 8', b: 'max_batch_size: 8', tail: 'max_batch_size: 4' },
  'batch over an unbatched member': { a: 'max_batch_size: 8', tail: 'max_batch_size: 8' },
  'unbatched over batched members': { a: 'max_batch_size: 8', b: 'max_batch_size: 8' },
  'unbatched with the batch dimension written': {
    a: 'max_batch_size: 8',
    b: 'max_batch_size: 8',
    input: 'input { name: "in" data_type: TYPE_FP32 dims: [ -1, 4 ] }',
    output: 'output { name: "out" data_type: TYPE_FP32 dims: [ -1, 4 ] }',
  },
  'version left out': { steps: `${stepA.replace('model_version: -1 ', '')} ${stepB}` },
  'version present': { steps: `${stepA.replace('-1', '1')} ${stepB}` },
  'version absent': { steps: `${stepA.replace('-1', '2')} ${stepB}` },
  'version below -1': { steps: `${stepA.replace('-1', '-2')} ${stepB}` },
  'member that is not there': { steps: `${stepA.replace('"a"', '"nothing"')} ${stepB}` },
  'member without a name': { steps: `${stepA.replace('model_name: "a"', '')} ${stepB}` },
  'member name that climbs': { steps: `${stepA.replace('"a"', '"../a"')} ${stepB}` },
  'itself as a member': { steps: `${stepA.replace('"a"', '"e"')} ${stepB}` },
  'member that is refused': { a: 'max_batch_size: -1' },
  'no input map': { steps: `${stepA.replace('input_map { key: "x" value: "in" } ', '')} ${stepB}` },
  'no output map': { steps: `${stepA} ${stepB.replace('output_map { key: "y" value: "out" } ', '')}` },
  'unknown input key': { steps: `${stepA.replace('key: "x"', 'key: "z"')} ${stepB}` },
  'unknown output key': { steps: `${stepA.replace('key: "y"', 'key: "z"')} ${stepB}` },
  'tensor written twice': { steps: `${stepA} ${stepA} ${stepB}` },
  'unused ensemble input': { tail: 'input { name: "more" data_type: TYPE_FP32 dims: 1 }' },
  'unused ensemble output': { tail: 'output { name: "more" data_type: TYPE_FP32 dims: 1 }' },
  'output never written': { steps: stepA },
  'output that is an inner tensor': {
    output: 'output { name: "out" data_type: TYPE_FP32 dims: 4 } output { name: "mid" data_type: TYPE_FP32 dims: 4 }',
  },
  'output that is the input': {
    output: 'output { name: "out" data_type: TYPE_FP32 dims: 4 } output { name: "in" data_type: TYPE_FP32 dims: 4 }',
  },
  'tensor nobody reads': { steps: `${stepA} ${stepB} ${stepA.replace('"mid"', '"stray"')}` },
  'tensor nobody writes': { steps: `${stepA} ${stepB.replace('"mid"', '"missing"')}` },
  cycle: {
    steps: `${stepA.replace('"in"', '"loop"')} ${stepB.replace('"out"', '"loop"')} ${stepA.replace('"mid"', '"out"')}`,
  },
  'input used twice': {
    steps: `${stepA} ${stepB}`,
    bSides: {
      input: 'input { name: "x" data_type: TYPE_FP32 dims: 4 } input { name: "z" data_type: TYPE_FP32 dims: 4 }',
    },
  },
  'second input from the ensemble': {
    steps: `${stepA} ${stepB.replace('input_map', 'input_map { key: "z" value: "in" } input_map')}`,
    bSides: {
      input: 'input { name: "x" data_type: TYPE_FP32 dims: 4 } input { name: "z" data_type: TYPE_FP32 dims: 4 }',
    },
  },
  'optional input left out': {
    bSides: {
      input:
        'input { name: "x" data_type: TYPE_FP32 dims: 4 } input { name: "z" data_type: TYPE_FP32 dims: 4 optional: true }',
    },
  },
  'types differ between steps': { bSides: { input: 'input { name: "x" data_type: TYPE_INT32 dims: 4 }' } },
  'types differ from the ensemble input': { input: 'input { name: "in" data_type: TYPE_INT32 dims: 4 }' },
  'types differ from the ensemble output': { output: 'output { name: "out" data_type: TYPE_INT32 dims: 4 }' },
  'dims differ between steps': { bSides: { input: 'input { name: "x" data_type: TYPE_FP32 dims: 5 }' } },
  'ranks differ between steps': { bSides: { input: 'input { name: "x" data_type: TYPE_FP32 dims: [ 1, 4 ] }' } },
  'dims differ from the ensemble input': { input: 'input { name: "in" data_type: TYPE_FP32 dims: 5 }' },
  'dims differ from the ensemble output': { output: 'output { name: "out" data_type: TYPE_FP32 dims: 5 }' },
  'variable meets fixed': {
    input: 'input { name: "in" data_type: TYPE_FP32 dims: -1 }',
    aSides: { output: 'output { name: "y" data_type: TYPE_FP32 dims: -1 }' },
  },
  'reshape on the ensemble input': {
    input: 'input { name: "in" data_type: TYPE_FP32 dims: [ 2, 2 ] reshape { shape: [ 4 ] } }',
  },
  'reshape on a member': {
    aSides: { input: 'input { name: "x" data_type: TYPE_FP32 dims: 4 reshape { shape: [ 2, 2 ] } }' },
  },
  'batched member meets an unbatched one': { a: 'max_batch_size: 8' },
  'batched member meets a full shape': {
    a: 'max_batch_size: 8',
    bSides: { input: 'input { name: "x" data_type: TYPE_FP32 dims: [ -1, 4 ] }' },
  },
  'decoupled member': { a: 'model_transaction_policy { decoupled: true }' },
  'decoupled written on the ensemble': { tail: 'model_transaction_policy { decoupled: true }' },
  'two decoupled sources': {
    a: 'model_transaction_policy { decoupled: true }',
    b: 'model_transaction_policy { decoupled: true }',
    files: {
      ...pythonModel(
        'c',
        config('', {
          input: 'input { name: "p" data_type: TYPE_FP32 dims: 4 } input { name: "q" data_type: TYPE_FP32 dims: 4 }',
        }),
      ),
    },
    steps: `${stepA} ${stepB.replace('"mid"', '"in"').replace('"out"', '"other"')} step { model_name: "c" model_version: -1 input_map { key: "p" value: "mid" } input_map { key: "q" value: "other" } output_map { key: "y" value: "out" } }`,
  },
  'same member twice': {
    steps: `${stepA} step { model_name: "a" model_version: -1 input_map { key: "x" value: "mid" } output_map { key: "y" value: "out" } }`,
  },
  'declared output with labels missing': {
    output: 'output { name: "out" data_type: TYPE_FP32 dims: 4 label_filename: "labels.txt" }',
  },
  'ensemble input twice': { tail: 'input { name: "in" data_type: TYPE_FP32 dims: 4 }' },
  'member that declares its output twice': {
    aSides: {
      output: 'output { name: "y" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }',
    },
  },
  'cached over a decoupled member': {
    a: 'model_transaction_policy { decoupled: true }',
    tail: 'response_cache { enable: true }',
  },
  'members that contradict one another behind a variable': {
    steps: `${stepA.replace('"mid"', '"out"')} ${stepB.replace('"mid"', '"out"').replace('"out" }', '"rest" }')}`,
    output: 'output { name: "out" data_type: TYPE_FP32 dims: -1 } output { name: "rest" data_type: TYPE_FP32 dims: 4 }',
    bSides: { input: 'input { name: "x" data_type: TYPE_FP32 dims: 5 }' },
  },
  'ensemble cached': { tail: 'response_cache { enable: true }' },
  'map key twice in a step': {
    steps: `${stepA.replace('output_map', 'input_map { key: "x" value: "in" } output_map')} ${stepB}`,
  },
  'empty tensor name in a map': {
    steps: `${stepA.replace('value: "mid"', 'value: ""')} ${stepB.replace('value: "mid"', 'value: ""')}`,
  },
  'inflight limit': { steps: `${stepA} ${stepB} max_inflight_requests: 3` },
  'name space given': { steps: `${stepA.replace('model_version', 'model_namespace: "other" model_version')} ${stepB}` },
};

export const cases: Case[] = Object.entries(shapes).map(([name, shape]) => ({
  name: `ensemble: ${name}`,
  files: {
    ...pythonModel('a', config(shape.a ?? '', shape.aSides)),
    ...pythonModel('b', config(shape.b ?? '', shape.bSides)),
    ...shape.files,
    ...ensemble(
      'e',
      shape.whole ??
        [
          'platform: "ensemble"',
          shape.input ?? 'input { name: "in" data_type: TYPE_FP32 dims: 4 }',
          shape.output ?? 'output { name: "out" data_type: TYPE_FP32 dims: 4 }',
          `ensemble_scheduling { ${shape.steps ?? `${stepA} ${stepB}`} }`,
          shape.tail ?? '',
        ].join('\n'),
    ),
  },
}));

cases.push({
  name: 'ensemble: without a version folder',
  files: Object.fromEntries(Object.entries(cases[0]!.files).filter(([path]) => path !== 'e/1/')),
});
cases.push({
  name: 'ensemble: of an ensemble',
  files: {
    ...cases[0]!.files,
    ...ensemble(
      'f',
      'platform: "ensemble" input { name: "p" data_type: TYPE_FP32 dims: 4 } output { name: "q" data_type: TYPE_FP32 dims: 4 } ensemble_scheduling { step { model_name: "e" model_version: -1 input_map { key: "in" value: "p" } output_map { key: "out" value: "q" } } }',
    ),
  },
});
cases.push({
  name: 'ensemble: two in a circle',
  files: {
    ...ensemble(
      'e',
      'platform: "ensemble" input { name: "p" data_type: TYPE_FP32 dims: 4 } output { name: "q" data_type: TYPE_FP32 dims: 4 } ensemble_scheduling { step { model_name: "f" model_version: -1 input_map { key: "p" value: "p" } output_map { key: "q" value: "q" } } }',
    ),
    ...ensemble(
      'f',
      'platform: "ensemble" input { name: "p" data_type: TYPE_FP32 dims: 4 } output { name: "q" data_type: TYPE_FP32 dims: 4 } ensemble_scheduling { step { model_name: "e" model_version: -1 input_map { key: "p" value: "p" } output_map { key: "q" value: "q" } } }',
    ),
  },
});
