import { expect, test } from 'vitest';
import { findTarget } from '../../../onnx/index.ts';
import {
  ensemble,
  type Files,
  findings,
  floatsInAndOut,
  header,
  member,
  onnx,
  python,
  step,
  testRule,
} from '../../testing.ts';

const model = (config: string, file = 'model.bin') => ({ 'm/config.pbtxt': config, [`m/1/${file}`]: 1 });

testRule('general/backend-missing', {
  fires: [
    [
      model('max_batch_size: 1'),
      ['m/config.pbtxt:1:1 error the backend of m is not given and cannot be told from its files or its name'],
    ],
    [
      model('model_repository_agents { agents [ { name: "checksum" } ] }'),
      ['m/config.pbtxt:1:1 warning the backend of m is not given and cannot be told from its files or its name'],
    ],
    [
      model('platform: "onnx"'),
      [
        "m/config.pbtxt:1:11 error platform 'onnx' is none that Triton knows: 'tensorflow_savedmodel', 'tensorflow_graphdef', 'tensorrt_plan', 'onnxruntime_onnx', 'pytorch_libtorch', 'torch_aoti' and 'ensemble'",
      ],
    ],
  ],
  silent: [
    [model('', 'model.py')],
    [model('platform: "onnxruntime_onnx"')],
    [{ 'm.identity/config.pbtxt': '', 'm.identity/1/': '' }],
    [{ 'e/config.pbtxt': 'ensemble_scheduling {}', 'e/1/': '' }],
  ],
});

testRule('general/backend-platform', {
  fires: [
    [
      model('backend: "onnxruntime"\nplatform: "tensorrt_plan"'),
      [
        "m/config.pbtxt:2:11 error backend 'onnxruntime' needs platform 'onnxruntime_onnx', but has platform 'tensorrt_plan'",
      ],
    ],
    [
      model('platform: "libtorch"', 'model.pt'),
      [
        "m/config.pbtxt:1:11 error backend 'pytorch' needs platform 'pytorch_libtorch' or 'torch_aoti', but has platform 'libtorch'",
      ],
    ],
    [
      model('backend: "tensorflow"'),
      [
        "m/config.pbtxt:1:1 error backend 'tensorflow' needs platform 'tensorflow_savedmodel' or 'tensorflow_graphdef', but has no platform",
      ],
    ],
  ],
  silent: [
    [model('backend: "onnxruntime"')],
    [model('platform: "onnxruntime_onnx"')],
    [model('backend: "python" platform: "anything"')],
    [model('backend: "pytorch" platform: "torch_aoti"')],
  ],
});

testRule('general/backend-unknown', {
  fires: [
    [
      model('backend: "onnx"'),
      [
        "m/config.pbtxt:1:10 error backend 'onnx' is none of triton:26.03 and libtriton_onnx.so is not in the model folder; did you mean 'onnxruntime'?",
      ],
    ],
    [
      model('backend: "company_codec"'),
      [
        "m/config.pbtxt:1:10 error backend 'company_codec' is none of triton:26.03 and libtriton_company_codec.so is not in the model folder",
      ],
    ],
  ],
  silent: [
    [model('backend: "identity"')],
    [model('backend: "company_codec"'), { backends: ['company_codec'] }],
    [model('backend: "company_codec"', 'libtriton_company_codec.so')],
    [{ ...model('backend: "codec" runtime: "codec.so"'), 'm/codec.so': 1 }],
  ],
});

testRule('general/backend-deprecated', {
  fires: [
    [
      model('platform: "tensorflow_savedmodel"'),
      [
        "m/config.pbtxt:1:1 warning backend 'tensorflow' is deprecated; check that the image of triton:26.03 still holds it",
      ],
    ],
  ],
  silent: [[python()]],
});

testRule('general/runtime-missing', {
  fires: [
    [
      model('backend: "identity"\nruntime: "x.so"'),
      [
        "m/config.pbtxt:2:10 warning runtime 'x.so' is in neither the version folder nor the model folder; the server must have it for backend 'identity'",
      ],
    ],
    [
      python('runtime: "x.so"'),
      [
        "m/config.pbtxt:4:10 error runtime 'x.so' is in neither the version folder nor the model folder; the server must have it for backend 'python'",
      ],
    ],
  ],
  silent: [[model('backend: "identity" runtime: "x.so"', 'x.so')], [python()]],
});

testRule('general/batch-size-negative', {
  fires: [[python('max_batch_size: -1'), ['m/config.pbtxt:4:17 error max_batch_size is -1, it must be 0 or more']]],
  silent: [[python('max_batch_size: 0')], [python()]],
});

const cache = 'response_cache { enable: true }';
const decoupled = 'model_transaction_policy { decoupled: true }';

testRule('general/cache-clash', {
  fires: [
    [
      python(`${cache}\nsequence_batching {}`),
      ['m/config.pbtxt:4:26 error response_cache is enabled, but m is a sequence model (sequence_batching)'],
    ],
    [python(`${cache}\n${decoupled}`), ['m/config.pbtxt:4:26 error response_cache is enabled, but m is decoupled']],
  ],
  silent: [[python(cache)], [python('response_cache {} sequence_batching {}')], [python(decoupled)]],
});

const steps = [step('a', 'x', 'x', 'y', 'y')];

testRule('general/cache-decoupled-member', {
  fires: [
    [
      ensemble(steps, member('a', decoupled), cache),
      ['e/config.pbtxt:7:26 error response_cache is enabled, but e is decoupled through its member a'],
    ],
  ],
  silent: [[ensemble(steps, member('a'), cache)], [ensemble(steps, member('a', decoupled))]],
});

const agents = (name: string) => `model_repository_agents { agents [ { name: "${name}" } ] }`;

testRule('general/agent-unknown', {
  fires: [
    [
      python(agents('s3fetch')),
      [
        "m/config.pbtxt:4:44 warning repository agent 's3fetch' needs libtritonrepoagent_s3fetch.so, which triton:26.03 does not have",
      ],
    ],
  ],
  silent: [[python(agents('checksum'))], [python()]],
});

const control = (inner: string) => `model_metrics { metric_control [ { ${inner} } ] }`;
const family = 'metric_identifier { family: "nv_inference_first_response_histogram_ms" }';

testRule('general/metric-control', {
  fires: [
    [
      python(control('')),
      [
        'm/config.pbtxt:4:34 error metric_control[0] has no histogram_options',
        'm/config.pbtxt:4:34 error metric_control[0] has no metric_identifier',
      ],
    ],
    [
      python(control('metric_identifier {} histogram_options {}')),
      [
        'm/config.pbtxt:4:36 error metric_control[0] has an empty family',
        'm/config.pbtxt:4:57 error metric_control[0] has no buckets',
      ],
    ],
  ],
  silent: [[python(control(`${family} histogram_options { buckets: [ 1, 5 ] }`))]],
});

const tag = (key: string) => `metric_tags { key: ${JSON.stringify(key)} value: "\\"\\n" }`;

testRule('general/metric-tag', {
  fires: [
    ...['a b', 'a-b', '_a', 'é'].map((key): [Files, string[]] => [
      python(`${tag('ok')} ${tag(key)}`),
      [
        `m/config.pbtxt:4:41 error metric_tags has the key '${key}', and '_${key}' is no name of a Prometheus label; the server crashes on it`,
      ],
    ]),
  ],
  silent: [[python(['ok', '', '9a', 'model', 'a_b_'].map(tag).join(' '))], [python()]],
});

testRule('general/metric-unknown', {
  fires: [
    [
      python(control('metric_identifier { family: "x" } histogram_options { buckets: [ 5, 1 ] }')),
      [
        "m/config.pbtxt:4:64 warning metric family 'x' cannot be controlled, only 'nv_inference_first_response_histogram_ms' can",
        'm/config.pbtxt:4:104 warning histogram buckets must ascend, but it is 1 after 5',
      ],
    ],
  ],
  silent: [[python(control(`${family} histogram_options { buckets: [ 1, 5 ] }`))]],
});

const graph = header({ x: ['FP32', 'N', 4] }, { y: ['FP32', 'N', 4] });

testRule('general/ignored-field', {
  fires: [
    [
      python('cc_model_filenames { key: "8.0" value: "x" }\nmodel_operations {}\noptimization { cuda {} }'),
      [
        "m/config.pbtxt:4:1 warning cc_model_filenames is read by tensorrt only, and the backend is 'python'",
        "m/config.pbtxt:5:1 warning model_operations is read by onnxruntime only, and the backend is 'python'",
        "m/config.pbtxt:6:16 warning optimization.cuda is read by tensorrt only, and the backend is 'python'",
      ],
    ],
    [
      python('instance_group [ { kind: KIND_CPU secondary_devices [ { kind: KIND_NVDLA } ] } ]'),
      [
        "m/config.pbtxt:4:35 warning instance_group[0].secondary_devices is read by tensorrt only, and the backend is 'python'",
      ],
    ],
    [
      ensemble(steps, member('a'), 'default_model_filename: "x"'),
      ['e/config.pbtxt:7:25 warning default_model_filename is read by backends only, and this is an ensemble'],
    ],
  ],
  silent: [
    [onnx(floatsInAndOut.concat('\nmodel_operations {}'), graph)],
    [model('backend: "tensorrt" cc_model_filenames { key: "8.0" value: "model.bin" } optimization { cuda {} }')],
  ],
});

const limited = (lines: string) => ensemble([step('m', 'x', 'x', 'y', 'y')], python(), lines);
const inflight = {
  'e/config.pbtxt': limited('')['e/config.pbtxt']!.toString().replace('\n] }', '\n] max_inflight_requests: 4 }'),
};
const metrics =
  'model_metrics { metric_control [ { metric_identifier { family: "nv_inference_first_response_histogram_ms" } histogram_options { buckets: [ 1 ] } } ] }';
const linear = floatsInAndOut.replace('dims: [ 4 ]', 'dims: [ 4 ] is_non_linear_format_io: false');

testRule('general/newer-field', {
  fires: [
    [
      python(metrics),
      [
        'm/config.pbtxt:4:1 error ModelConfig has no field model_metrics before release 24.11; the target is triton:24.07',
      ],
    ],
    [
      python('', {}, linear),
      [
        'm/config.pbtxt:2:79 error ModelInput has no field is_non_linear_format_io before release 24.08; the target is triton:24.07',
      ],
    ],
    [
      { ...limited(''), ...inflight },
      [
        'e/config.pbtxt:6:26 error ModelEnsembling has no field max_inflight_requests before release 25.11; the target is triton:24.07',
      ],
    ],
  ],
  silent: [[python()], [limited('')]],
  release: '24.07',
});

test('what a release knows is no newer field for it', () => {
  for (const release of ['24.11', '26.07']) {
    const found = findings(python(metrics), {}, {}, findTarget(`triton:${release}`));
    expect(found.filter((line) => line.includes('newer-field'))).toEqual([]);
  }
});
