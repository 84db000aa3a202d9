import { expect, test } from 'vitest';
import { type Files, findings, header, modelPy, onnx, python, testRule } from '../../testing.ts';

const config = 'backend: "python"\n';
const versions = (lines: string, ...folders: string[]): Files => ({
  'm/config.pbtxt': `${config}${lines}`,
  ...Object.fromEntries(folders.map((folder) => [`m/${folder}/model.py`, modelPy])),
});

testRule('repository/empty', {
  fires: [
    [{}, ['. warning the repository holds no model folder'].map((line) => line.replace('. ', ' '))],
    [
      { 'config.pbtxt': config, '1/model.py': '' },
      ['config.pbtxt warning this folder holds a config.pbtxt itself: it is a model, not a repository of models'],
    ],
  ],
  silent: [[python()]],
});

testRule('repository/name-mismatch', {
  fires: [[python('name: "other"'), ["m/config.pbtxt:4:7 error name is 'other' but the folder is 'm'"]]],
  silent: [[python('name: "m"')], [python('name: ""')], [python()]],
});

testRule('repository/name-illegal', {
  fires: [
    [
      { 'my model/config.pbtxt': config, 'my model/1/model.py': modelPy },
      [
        'my model/config.pbtxt:1:1 error the model name \'my model\' contains " ", which the Python backend hands to a shell: the load never ends',
      ],
    ],
    [
      { 'a;b+c/config.pbtxt': 'backend: "onnxruntime"', 'a;b+c/1/model.onnx': 3 },
      ['a;b+c/config.pbtxt:1:1 warning the model name \'a;b+c\' contains ";", "+": requests over HTTP may not find it'],
    ],
  ],
  silent: [[{ 'my-model_2.1/config.pbtxt': config, 'my-model_2.1/1/model.py': modelPy }]],
});

testRule('repository/config-missing', {
  fires: [
    [{ 'm/1/model.py': modelPy }, ['m/config.pbtxt warning m has no config.pbtxt; Triton guesses backend python']],
  ],
  silent: [[python()], [{ 'm/1/weights.bin': 3 }]],
});

testRule('repository/no-version', {
  fires: [
    [versions(''), ['m/config.pbtxt:1:1 error m has no version folder']],
    [
      versions('', '007', 'v1'),
      [
        "m/config.pbtxt:1:1 error m has no version folder: '007' starts with a zero; Triton ignores such folders; 'v1' does not start with a number; Triton ignores such folders",
      ],
    ],
    [
      versions('version_policy { latest {} }', '1', '2'),
      ['m/config.pbtxt:2:18 error version_policy.latest has num_versions 0, which selects none of the 2 versions'],
    ],
    [
      versions('version_policy { specific { versions: [ 3 ] } }', '1'),
      ['m/config.pbtxt:2:29 error version_policy selects version 3, but the folder has version 1'],
    ],
  ],
  silent: [
    [versions('', '0')],
    [versions('version_policy {}', '1', '2')],
    [versions('version_policy { specific { versions: [ 1, 3 ] } }', '1')],
    [{ 'e/config.pbtxt': 'platform: "ensemble" ensemble_scheduling {}', 'e/1/': '' }],
  ],
});

testRule('repository/version-absent', {
  fires: [
    [
      versions('version_policy { specific { versions: [ 1, 3 ] } }', '1', '2'),
      ['m/config.pbtxt:2:44 warning version_policy lists version 3, but the folder has 1, 2'],
    ],
  ],
  silent: [[versions('version_policy { specific { versions: [ 1, 2 ] } }', '1', '2')]],
});

testRule('repository/version-ignored', {
  fires: [
    [
      versions('', '1', '007', 'old'),
      [
        "m/007 warning '007' starts with a zero; Triton ignores such folders",
        "m/old warning 'old' does not start with a number; Triton ignores such folders",
      ],
    ],
    [versions('', '1', '2abc'), ["m/2abc error '2abc' counts as version 2 for Triton, which then finds no folder '2'"]],
    [
      versions('', '1', '1abc'),
      ["m/1abc warning '1abc' counts as version 1 for Triton, which then finds no folder '1'"],
    ],
    [
      versions('', '99999999999999999999'),
      [
        "m/99999999999999999999 error '99999999999999999999' is no 64-bit number; Triton aborts when it reads such a folder",
      ],
    ],
  ],
  silent: [
    [versions('', '1', '2', 'warmup', 'initial_state', 'configs')],
    [{ ...versions('output [ { name: "y" label_filename: "names/l.txt" } ]', '1'), 'm/names/l.txt': 'a\n' }],
  ],
});

const graph = header({ x: ['FP32', 'N', 4] }, { y: ['FP32', 'N', 4] });

testRule('repository/model-file-missing', {
  fires: [
    [
      { 'm/config.pbtxt': config, 'm/1/modle.py': modelPy },
      [
        "m/config.pbtxt:1:10 error version 1 has no file model.py, which backend python opens; the folder holds modle.py; did you mean 'modle.py'?",
      ],
    ],
    [
      {
        'm/config.pbtxt': `${config}default_model_filename: "net.py"\nversion_policy { all {} }`,
        'm/1/': '',
        'm/2/net.py': modelPy,
      },
      ['m/config.pbtxt:2:25 error version 1 has no file net.py, which backend python opens; the folder holds no file'],
    ],
    [
      { 'm/config.pbtxt': 'backend: "tensorrt" model_repository_agents { agents [ { name: "fetch" } ] }', 'm/1/': '' },
      [
        'm/config.pbtxt:1:10 warning version 1 has no file model.plan, which backend tensorrt opens; the folder holds no file',
      ],
    ],
    [
      {
        'm/config.pbtxt': 'backend: "tensorrt" cc_model_filenames { key: "8.0" value: "a.plan" }',
        'm/1/model.plan': 3,
      },
      ['m/config.pbtxt:1:21 warning version 1 has no file a.plan, which GPUs of compute capability 8.0 load'],
    ],
  ],
  silent: [
    [python()],
    [onnx('', graph)],
    [{ 'm/config.pbtxt': 'backend: "onnxruntime" default_model_filename: "net"', 'm/1/net/model.onnx': graph }],
    [{ 'm/config.pbtxt': 'backend: "identity"', 'm/1/': '' }],
    [
      {
        'm/config.pbtxt': 'backend: "tensorrt" cc_model_filenames { key: "8.9" value: "a.plan" }',
        'm/1/a.plan': 9,
      },
    ],
    [versions('', '2'), {}],
  ],
});

testRule('repository/path-escapes', {
  fires: [
    [
      python('default_model_filename: "../../other/model.py"\nruntime: "/tmp/x.so"'),
      [
        "m/config.pbtxt:4:25 error default_model_filename '../../other/model.py' leads out of the version folder",
        "m/config.pbtxt:5:10 error runtime '/tmp/x.so' leads out of the version folder",
      ],
    ],
    [
      {
        'm/config.pbtxt': 'backend: "tensorrt"\ncc_model_filenames { key: "8.9" value: "../x.plan" }',
        'm/1/model.plan': 1,
      },
      ["m/config.pbtxt:2:40 error cc_model_filenames '../x.plan' leads out of the version folder"],
    ],
  ],
  silent: [[python('default_model_filename: "net/../model.py"')]],
});

const manifest = (size: number) =>
  JSON.stringify({ format: 1, artifacts: { '1/model.py': { hash: 'sha256:0', size }, 'config.pbtxt': { size: 1 } } });

testRule('repository/manifest-stale', {
  fires: [
    [
      python('', { 'm/conch.json': manifest(modelPy.length + 1) }),
      [
        `m/conch.json warning 1/model.py has ${modelPy.length} bytes, but ${modelPy.length + 1} were written according to conch.json`,
      ],
    ],
    [
      { ...python('', { 'm/conch.json': manifest(5) }), 'm/2/model.py': modelPy },
      [`m/conch.json warning 1/model.py has ${modelPy.length} bytes, but 5 were written according to conch.json`],
    ],
    [
      { 'm/config.pbtxt': config, 'm/2/model.py': modelPy, 'm/conch.json': manifest(5) },
      ['m/conch.json warning conch.json lists 1/model.py (5 bytes), which is not there'],
    ],
  ],
  silent: [[python('', { 'm/conch.json': manifest(modelPy.length) })], [python()]],
});

test('a config that does not parse says so and nothing else is judged', () => {
  expect(findings({ 'm/config.pbtxt': 'backend: python\nmax_batch_sise: 4\n' })).toEqual([
    expect.stringMatching(/^m\/config.pbtxt:1:10 error \[config\//),
    expect.stringMatching(/^m\/config.pbtxt:2:1 error \[config\/unknown-field\]/),
  ]);
});
