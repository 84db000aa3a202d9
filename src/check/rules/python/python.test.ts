import { ensemble, entry, floatsInAndOut, member, python, step, testRule } from '../../testing.ts';

const environment = (path: string) => `parameters { key: "EXECUTION_ENV_PATH" value { string_value: "${path}" } }`;

testRule('python/environment', {
  fires: [
    [
      python(environment('$$TRITON_MODEL_DIRECTORY/env.tar.gz')),
      ['m/config.pbtxt:4:62 error EXECUTION_ENV_PATH names env.tar.gz, which the folder of m does not hold'],
    ],
    [
      python(environment('model/env.tar.gz')),
      [
        "m/config.pbtxt:4:62 warning EXECUTION_ENV_PATH is 'model/env.tar.gz', which is looked up from wherever the server was started",
      ],
    ],
  ],
  silent: [
    [python(environment('$$TRITON_MODEL_DIRECTORY/env.tar.gz'), { 'm/env.tar.gz': 9 })],
    [python(environment('$$TRITON_MODEL_DIRECTORY/1/env.tar.gz'), { 'm/1/env.tar.gz': 9 })],
    [python(environment('/opt/env.tar.gz'))],
    [python()],
  ],
});

const texts = floatsInAndOut.replace('"x" data_type: TYPE_FP32 dims: [ 4 ]', '"x" data_type: TYPE_STRING dims: [ 1 ]');
const steps = [step('a', 'x', 'x', 'y', 'y')];
const marked = 'parameters { key: "conch.backend" value { string_value: "tokenizer" } }';

testRule('python/hot-path', {
  fires: [
    [
      ensemble(steps, member('a', '', texts), '', texts),
      ['e/config.pbtxt:5:15 warning step 0 runs text through the Python model a on every request'],
    ],
    [
      ensemble(
        [
          step('a', 'x', 'x', 'y', 't'),
          `{ model_name: "a" model_version: -1 ${entry('input_map', 'x', 'x')} ${entry('output_map', 'y', 'y')} }`,
        ],
        member('a', '', texts),
        '',
        texts,
      ),
      ['e/config.pbtxt:5:15 warning step 0 runs text through the Python model a on every request'],
    ],
  ],
  silent: [
    [ensemble(steps, member('a', marked, texts), '', texts)],
    [ensemble(steps, member('a'))],
    [python('', {}, texts)],
  ],
});
