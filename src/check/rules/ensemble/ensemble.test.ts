import { expect, test } from 'vitest';
import { ensemble, entry, type Files, findings, floatsInAndOut, member, step, testRule } from '../../testing.ts';

const a = member('a');
const ab = { ...a, ...member('b') };
const one = [step('a', 'x', 'x', 'y', 'y')];
const two = [step('a', 'x', 'x', 'y', 't'), step('b', 'x', 't', 'y', 'y')];
const good = ensemble(two, ab);
const bare = (config: string, more: Files = {}): Files => ({ 'e/config.pbtxt': config, 'e/1/': '', ...more });
const scheduling = (...steps: string[]) => `ensemble_scheduling { step [\n${steps.join(',\n')}\n] }`;
/** The ensemble's own tensors with another text for one side. */
const io = (from: string, to: string) => floatsInAndOut.replace(from, to);
const x = 'name: "x" data_type: TYPE_FP32 dims: [ 4 ]';
const y = 'name: "y" data_type: TYPE_FP32 dims: [ 4 ]';

testRule('ensemble/platform', {
  fires: [
    [
      bare(`${floatsInAndOut}\n${scheduling(...one)}`, a),
      ['e/config.pbtxt:3:1 error ensemble_scheduling needs platform "ensemble", it is absent'],
    ],
    [
      bare(`platform: "onnxruntime_onnx"\n${scheduling(...one)}`, a),
      ['e/config.pbtxt:1:11 error ensemble_scheduling needs platform "ensemble", it is \'onnxruntime_onnx\''],
    ],
    [
      bare('platform: "ensemble"\ndynamic_batching {}'),
      ['e/config.pbtxt:1:11 error platform is "ensemble" but there is no ensemble_scheduling; it has dynamic_batching'],
    ],
    [ensemble(one, a, 'backend: "python"'), ["e/config.pbtxt:7:10 error an ensemble has no backend, it is 'python'"]],
  ],
  silent: [[good]],
});

testRule('ensemble/forbidden-field', {
  fires: [
    [
      ensemble(one, a, 'instance_group { count: 1 }\noptimization {}\nmodel_warmup { name: "w" }'),
      [
        'e/config.pbtxt:7:1 error an ensemble cannot have instance_group: its members have instances, it has none',
        'e/config.pbtxt:8:1 error an ensemble cannot have optimization: nothing of it is executed',
        'e/config.pbtxt:9:1 error an ensemble cannot have model_warmup: warm up its members instead',
      ],
    ],
  ],
  silent: [[good], [ensemble(one, a, 'instance_group []')]],
});

testRule('ensemble/step-incomplete', {
  fires: [
    [bare('platform: "ensemble"\nensemble_scheduling {}'), ['e/config.pbtxt:2:1 error the ensemble has no step']],
    [
      ensemble([`{ model_name: "a" ${entry('input_map', 'x', 'x')} }`, '{ }'], a),
      [
        'e/config.pbtxt:5:1 error step 0 (a) has no output_map',
        'e/config.pbtxt:6:1 error step 1 has no model_name, no input_map, no output_map',
      ],
    ],
  ],
  silent: [[good]],
});

testRule('ensemble/name-escapes', {
  fires: [
    [
      ensemble([step('../other/a', 'x', 'x', 'y', 'y')], a),
      ["e/config.pbtxt:5:15 error step 0 names '../other/a', which leads out of the repository"],
    ],
    [
      ensemble([step('..', 'x', 'x', 'y', 'y')], a),
      ["e/config.pbtxt:5:15 error step 0 names '..', which leads out of the repository"],
    ],
  ],
  silent: [[good]],
});

testRule('ensemble/double-producer', {
  fires: [
    [
      ensemble([step('a', 'x', 'x', 'y', 'y'), step('b', 'x', 'x', 'y', 'y')], ab),
      ["e/config.pbtxt:6:100 error tensor 'y' is written by step 0 (a) and by step 1 (b)"],
    ],
  ],
  silent: [[good]],
});

testRule('ensemble/input-overwritten', {
  fires: [
    [
      ensemble([step('a', 'x', 'x', 'y', 'y'), step('b', 'x', 'y', 'y', 'x')], ab),
      ["e/config.pbtxt:6:100 warning step 1 writes to 'x', which is an input of the ensemble"],
    ],
  ],
  silent: [[good]],
});

testRule('ensemble/unused-input', {
  fires: [
    [
      ensemble(one, a, '', io(`{ ${x} }`, `{ ${x} }, { ${x.replace('"x"', '"mask"')} }`)),
      ["e/config.pbtxt:2:57 error input 'mask' is read by no step"],
    ],
    [
      ensemble([step('a', 'x', 'txt', 'y', 'y')], a, '', io('"x"', '"text"')),
      ["e/config.pbtxt:2:9 error input 'text' is read by no step; did you mean 'txt'?"],
    ],
  ],
  silent: [[good]],
});

testRule('ensemble/unwritten-output', {
  fires: [
    [
      ensemble(one, a, '', io(`{ ${y} }`, `{ ${y} }, { ${y.replace('"y"', '"z"')} }`)),
      ["e/config.pbtxt:3:58 error output 'z' is written by no step"],
    ],
    [
      ensemble([step('a', 'x', 'u', 'y', 'y'), step('b', 'x', 'y', 'y', 'u')], ab),
      [
        "e/config.pbtxt:3:10 error output 'y' is never written: it comes from step 0, which waits for 'u', and that never arrives",
      ],
    ],
  ],
  silent: [[good]],
});

testRule('ensemble/redundant-tensor', {
  fires: [
    [
      ensemble([step('a', 'x', 'x', 'y', 'y'), step('b', 'x', 'x', 'y', 't')], ab),
      ["e/config.pbtxt:6:100 error tensor 't' is written by step 1, but no step reads it and it is no output"],
    ],
    [
      ensemble([step('a', 'x', 'x', 'y', 'tokens'), step('b', 'x', 'token', 'y', 'y')], ab),
      [
        "e/config.pbtxt:5:100 error tensor 'tokens' is written by step 0, but no step reads it and it is no output; did you mean 'token'?",
        "e/config.pbtxt:6:65 error tensor 'token' is read by step 1, but no step writes it and it is no input; did you mean 'tokens'?",
      ],
    ],
    [
      ensemble([step('a', 'x', 'u', 'y', 't'), step('b', 'x', 't', 'y', 'u'), step('a', 'x', 'x', 'y', 'y')], ab),
      [
        "e/config.pbtxt:5:65 error tensor 'u' is never written: step 1 waits for 't', and that never arrives",
        "e/config.pbtxt:5:100 error tensor 't' is never written: step 0 waits for 'u', and that never arrives",
      ],
    ],
  ],
  silent: [[good]],
});

testRule('ensemble/circle', {
  fires: [
    [ensemble([step('e', 'x', 'x', 'y', 'y')], {}), ['e/config.pbtxt:5:15 error the ensemble e is a step of itself']],
    [
      {
        ...ensemble([step('f', 'x', 'x', 'y', 'y')], {}),
        'f/config.pbtxt': `platform: "ensemble"\n${floatsInAndOut}\n${scheduling(step('e', 'x', 'x', 'y', 'y'))}`,
        'f/1/': '',
      },
      [
        'e/config.pbtxt:5:15 error ensembles in a circle: e -> f -> e',
        'f/config.pbtxt:5:15 error ensembles in a circle: f -> e -> f',
      ],
    ],
  ],
  silent: [[good]],
});

testRule('ensemble/member-missing', {
  fires: [
    [
      ensemble([step('finbert-tokeniser', 'x', 'x', 'y', 'y')], member('finbert-tokenizer')),
      [
        "e/config.pbtxt:5:15 error step 0 names 'finbert-tokeniser', which is not in the repository; did you mean 'finbert-tokenizer'?",
      ],
    ],
  ],
  silent: [[good]],
});

testRule('ensemble/member-refused', {
  fires: [
    [
      ensemble(two, { ...ab, ...member('a', 'max_batch_size: -1') }),
      ['e/config.pbtxt:5:15 error step 0 needs a, which Triton refuses: max_batch_size is -1, it must be 0 or more'],
    ],
    [
      ensemble(one, { 'a/config.pbtxt': 'backend: python', 'a/1/': '' }),
      [
        'e/config.pbtxt:5:15 error step 0 needs a, which Triton refuses: backend expects a string in quotes (string), found python',
      ],
    ],
    [
      {
        ...ensemble([step('f', 'x', 'x', 'y', 'y')], member('a', 'max_batch_size: -1')),
        'f/config.pbtxt': `platform: "ensemble"\n${floatsInAndOut}\n${scheduling(...one)}`,
        'f/1/': '',
      },
      [
        'e/config.pbtxt:5:15 error step 0 needs f, which Triton refuses because of a: max_batch_size is -1, it must be 0 or more',
        'f/config.pbtxt:5:15 error step 0 needs a, which Triton refuses: max_batch_size is -1, it must be 0 or more',
      ],
    ],
  ],
  silent: [[good], [ensemble(one, member('a', 'max_batch_size: 1'))]],
});

const policyAll = 'version_policy { all {} }';

testRule('ensemble/version', {
  fires: [
    [
      ensemble([step('a', 'x', 'x', 'y', 'y', '')], a),
      ['e/config.pbtxt:5:1 error step 0 has no model_version, which means version 0; a serves version 1'],
    ],
    [
      ensemble([step('a', 'x', 'x', 'y', 'y', 'model_version: 2')], a),
      ['e/config.pbtxt:5:34 error step 0 asks for version 2; a serves version 1'],
    ],
    [
      ensemble([step('a', 'x', 'x', 'y', 'y', '')], { ...member('a', policyAll), 'a/0/model.py': '' }),
      ['e/config.pbtxt:5:1 warning step 0 has no model_version, which means version 0 of a, not its newest'],
    ],
    [
      ensemble([step('a', 'x', 'x', 'y', 'y', 'model_version: 1')], { ...a, 'a/2/model.py': '' }),
      ['e/config.pbtxt:5:34 error step 0 asks for version 1; a serves version 2'],
    ],
  ],
  silent: [
    [good],
    [ensemble([step('a', 'x', 'x', 'y', 'y', 'model_version: 1')], { ...member('a', policyAll), 'a/2/model.py': '' })],
  ],
});

const batch = (own: string, ...sizes: string[]) =>
  ensemble(two, { ...member('a', sizes[0]), ...member('b', sizes[1]) }, own);

testRule('ensemble/batch-size', {
  fires: [
    [
      batch('max_batch_size: 16', 'max_batch_size: 8', 'max_batch_size: 16'),
      ['e/config.pbtxt:8:17 error max_batch_size 16 is above the 8 of its member a'],
    ],
  ],
  silent: [
    [batch('max_batch_size: 8', 'max_batch_size: 8', 'max_batch_size: 16')],
    [batch('max_batch_size: 8', '', '')],
  ],
});

testRule('ensemble/batch-size-smaller', {
  fires: [
    [
      batch('max_batch_size: 4', 'max_batch_size: 8', 'max_batch_size: 16'),
      [
        'e/config.pbtxt:8:17 warning max_batch_size is 4, all members take 8 or more: larger requests are refused for nothing',
      ],
    ],
    [
      batch('', 'max_batch_size: 8', 'max_batch_size: 8'),
      [
        'e/config.pbtxt:1:1 warning max_batch_size is absent and so 0, all members take 8 or more: larger requests are refused for nothing',
      ],
    ],
  ],
  silent: [
    [batch('max_batch_size: 8', 'max_batch_size: 8', 'max_batch_size: 16')],
    [batch('', 'max_batch_size: 8', '')],
    [good],
  ],
});

testRule('ensemble/unknown-tensor', {
  fires: [
    [
      ensemble([step('a', 'z', 'x', 'logit', 'y')], a),
      [
        "e/config.pbtxt:5:54 error step 0 maps input 'z' of a, which has 'x'; key and value look swapped",
        "e/config.pbtxt:5:89 error step 0 maps output 'logit' of a, which has 'y'; key and value look swapped",
      ],
    ],
    [
      ensemble([step('a', 'xx', 'text', 'y', 'y')], a, '', io('"x"', '"text"')),
      ["e/config.pbtxt:5:54 error step 0 maps input 'xx' of a, which has 'x'; did you mean 'x'?"],
    ],
    [
      ensemble([step('a', 'x', 'x', 'y', 'y')], member('a', '', '')),
      [
        "e/config.pbtxt:5:54 error step 0 maps input 'x' of a, which has no input",
        "e/config.pbtxt:5:89 error step 0 maps output 'y' of a, which has no output",
      ],
    ],
  ],
  silent: [
    [good],
    [ensemble(one, { ...member('a', '', ''), 'a/1/model.py': 'def auto_complete_config(c): return c' })],
    [ensemble(one, { 'a/config.pbtxt': 'backend: "tensorrt"', 'a/1/model.plan': 1 })],
  ],
});

const wider = `${floatsInAndOut}\ninput [ { name: "w" data_type: TYPE_INT64 dims: [ -1 ] } ]`;

testRule('ensemble/unmapped-input', {
  fires: [
    [
      ensemble(one, member('a', 'max_batch_size: 8', wider), 'max_batch_size: 8'),
      ["e/config.pbtxt:5:37 error step 0 does not map input 'w' (INT64 [batch, -1]) of a"],
    ],
  ],
  silent: [[good], [ensemble(one, member('a', '', wider.replace('"w"', '"w" optional: true')))]],
});

testRule('ensemble/repeated-output', {
  fires: [
    [
      ensemble(one, member('a', `output [ { ${y} } ]`)),
      ["e/config.pbtxt:5:100 error step 0 maps output 'y', which a declares 2 times"],
    ],
  ],
  silent: [[good], [ensemble(one, member('a', `input [ { ${x} } ]`))]],
});

testRule('ensemble/datatype', {
  fires: [
    [
      ensemble(one, a, '', io('TYPE_FP32', 'TYPE_STRING')),
      ["e/config.pbtxt:5:65 error tensor 'x' is BYTES as input 'x' of the ensemble, but FP32 as input 'x' of a"],
    ],
    [
      ensemble(two, { ...a, ...member('b', '', io('TYPE_FP32', 'TYPE_INT64')) }),
      ["e/config.pbtxt:6:65 error tensor 't' is FP32 as output 'y' of a, but INT64 as input 'x' of b"],
    ],
  ],
  silent: [[good]],
});

const from = (shape: string) => floatsInAndOut.replace('dims: [ 4 ]', `dims: [ ${shape} ]`);
const batched = member('a', 'max_batch_size: 8');

testRule('ensemble/shape', {
  fires: [
    [
      ensemble(one, a, '', from('5')),
      ["e/config.pbtxt:5:65 error tensor 'x' is [5] as input 'x' of the ensemble, but [4] as input 'x' of a"],
    ],
    [
      ensemble(one, member('a', 'max_batch_size: 8', from('3, 1280, 1280')), '', from('2, 3, 1280')),
      [
        "e/config.pbtxt:5:65 error tensor 'x' is [2, 3, 1280] as input 'x' of the ensemble, but [batch, 3, 1280, 1280] as input 'x' of a",
      ],
    ],
    [
      ensemble(one, member('a', '', io(x, `${x.replace('4', '2, 2')} reshape { shape: [ 4 ] }`))),
      ["e/config.pbtxt:5:65 error tensor 'x' is [4] as input 'x' of the ensemble, but [2, 2] as input 'x' of a"],
    ],
  ],
  silent: [
    [good],
    [ensemble(one, a, '', from('-1'))],
    [ensemble(one, batched, '', io('dims: [ 4 ]', 'dims: [ -1, 4 ]'))],
    [ensemble(one, batched, '', io('dims: [ 4 ]', 'dims: [ 1, 4 ]'))],
    [ensemble(one, a, '', io(x, `${x.replace('4', '2, 2')} reshape { shape: [ 4 ] }`))],
  ],
});

testRule('ensemble/shape-at-run', {
  fires: [
    [
      ensemble(
        [step('a', 'x', 'x', 'y', 'y'), step('b', 'x', 'y', 'y', 'z')],
        { ...a, ...member('b', '', from('5')) },
        '',
        `${io(y, y.replace('4', '-1'))}\noutput { name: "z" data_type: TYPE_FP32 dims: [ 4 ] }`,
      ),
      ["e/config.pbtxt:7:65 error tensor 'y' comes as [4] from output 'y' of a, but [5] is wanted by input 'x' of b"],
    ],
  ],
  silent: [[good]],
});

testRule('ensemble/unbatched-member', {
  fires: [
    [
      ensemble(two, { ...batched, ...member('b') }, 'max_batch_size: 8'),
      [
        "e/config.pbtxt:6:65 warning tensor 't' comes as [batch, 4] from output 'y' of a, but input 'x' of b takes [4] without batches: only requests with one row get through",
      ],
    ],
  ],
  silent: [
    [good],
    [ensemble(two, { ...batched, ...member('b', '', from('-1, 4')) }, 'max_batch_size: 8')],
    [ensemble(two, { ...batched, ...member('b', 'max_batch_size: 8') }, 'max_batch_size: 8')],
  ],
});

const decoupled = 'model_transaction_policy { decoupled: true }';
const joiner = member('c', '', `${floatsInAndOut}\ninput [ { ${x.replace('"x"', '"w"')} } ]`);
const join = (left: string, right: string) =>
  `{ model_name: "c" model_version: -1\n${entry('input_map', 'x', left)}\n${entry('input_map', 'w', right)}\n${entry('output_map', 'y', 'y')} }`;
const stream = { ...member('a', decoupled), ...member('b'), ...joiner };

testRule('ensemble/decoupled-mix', {
  fires: [
    [
      ensemble([step('a', 'x', 'x', 'y', 't'), join('t', 'x')], stream),
      ["e/config.pbtxt:8:29 error step 1 (c) joins 't' (from decoupled step 0 (a)) with 'x' (from the request)"],
    ],
    [
      ensemble([step('a', 'x', 'x', 'y', 't'), step('b', 'x', 'x', 'y', 'u'), join('u', 't')], stream),
      ["e/config.pbtxt:9:29 error step 2 (c) joins 'u' (from the request) with 't' (from decoupled step 0 (a))"],
    ],
    [
      ensemble(
        [step('a', 'x', 'x', 'y', 'y'), step('b', 'x', 'x', 'y', 'z')],
        stream,
        '',
        `${floatsInAndOut}\noutput { ${y.replace('"y"', '"z"')} }`,
      ),
      [
        "e/config.pbtxt:4:1 error the ensemble joins its outputs 'y' (from decoupled step 0 (a)) and 'z' (from the request)",
      ],
    ],
  ],
  silent: [
    [ensemble(two, stream)],
    [ensemble([step('a', 'x', 'x', 'y', 't'), step('b', 'x', 't', 'y', 'u'), join('u', 't')], stream)],
    [ensemble([step('b', 'x', 'x', 'y', 't'), join('t', 'x')], stream)],
  ],
});

test('one gap is reported once, not again by all that waits for it', () => {
  const steps = [step('a', 'x', 'u', 'y', 't'), step('b', 'x', 't', 'y', 'y'), step('a', 'x', 'x', 'y', 'z')];
  const found = findings(ensemble(steps, ab, '', `${floatsInAndOut}\noutput { ${y.replace('"y"', '"z"')} }`));
  expect(found).toEqual([
    "e/config.pbtxt:6:65 error [ensemble/redundant-tensor] tensor 'u' is read by step 0, but no step writes it and it is no input",
  ]);
});

test('a good ensemble has nothing to answer for', () => {
  expect(findings(good)).toEqual([]);
});

test('an ensemble over a refused member gets one error for it, and its other steps are still compared', () => {
  const members = { ...member('a', 'max_batch_size: -1', from('9')), ...member('b', '', io('TYPE_FP32', 'TYPE_INT8')) };
  expect(
    findings(ensemble([...two, step('b', 'x', 'x', 'y', 'z')], members)).filter((line) => line.startsWith('e')),
  ).toEqual([
    'e/config.pbtxt:5:15 error [ensemble/member-refused] step 0 needs a, which Triton refuses: max_batch_size is -1, it must be 0 or more',
    "e/config.pbtxt:7:65 error [ensemble/datatype] tensor 'x' is FP32 as input 'x' of the ensemble, but INT8 as input 'x' of b",
    "e/config.pbtxt:7:100 error [ensemble/redundant-tensor] tensor 'z' is written by step 2, but no step reads it and it is no output",
  ]);
});

test('a long chain of ensembles is followed without a deep stack', () => {
  const files: Record<string, string> = { ...(member('m0') as Record<string, string>) };
  for (let index = 1; index <= 5000; index++) {
    files[`m${index}/config.pbtxt`] =
      `platform: "ensemble"\n${floatsInAndOut}\n${scheduling(step(`m${index - 1}`, 'x', 'x', 'y', 'y'))}`;
    files[`m${index}/1/`] = '';
  }
  expect(findings({ ...files, 'm0/config.pbtxt': 'backend: "python"\nmax_batch_size: -1' }).length).toBeGreaterThan(
    5000,
  );
}, 120_000);
