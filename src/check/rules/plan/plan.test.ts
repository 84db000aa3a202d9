import { type Files, testRule } from '../../testing.ts';

/** A TensorRT model with these facts about its plan; `lines` from line 3 on. The target has TensorRT 10.16.0. */
const plan = (facts: object, lines = '', batch = 'max_batch_size: 8'): Files => ({
  'm/config.pbtxt': `backend: "tensorrt"\n${batch}\n${lines}`,
  'm/1/model.plan': 100,
  'm/conch.json': JSON.stringify({ artifacts: {}, tensorrt: facts }),
});

testRule('plan/tensorrt-version', {
  fires: [
    [
      plan({ version: '10.3.0' }),
      ['m/conch.json error the plan was built by TensorRT 10.3.0, triton:26.03 has 10.16.0'],
    ],
    [
      plan({ version: '10.17.0', versionCompatible: true }),
      ['m/conch.json error the plan was built by TensorRT 10.17.0, triton:26.03 has 10.16.0'],
    ],
  ],
  silent: [
    [plan({ version: '10.16.0' })],
    [plan({ version: '10.16.0.72' })],
    [plan({ version: '10.3.0', versionCompatible: true })],
    [plan({})],
  ],
});

testRule('plan/compute-capability', {
  fires: [
    [
      plan({ computeCapability: '8.6' }),
      ['m/conch.json error the plan was built for compute capability 8.6, the GPU has 9.0'],
      { gpus: [0], computeCapability: '9.0' },
    ],
  ],
  silent: [
    [plan({ computeCapability: '9.0' }), { computeCapability: '9.0' }],
    [plan({ computeCapability: '8.6', hardwareCompatible: true }), { computeCapability: '9.0' }],
    [
      plan({ computeCapability: '8.6' }, 'cc_model_filenames { key: "9.0" value: "model.plan" }'),
      { computeCapability: '9.0' },
    ],
    [plan({ computeCapability: '8.6' })],
  ],
});

const upTo4 = {
  profiles: [
    { min: 1, max: 2 },
    { min: 3, max: 4 },
  ],
};

testRule('plan/batch-profile', {
  fires: [
    [plan(upTo4), ['m/config.pbtxt:2:17 error max_batch_size is 8, the profiles of the plan end at 4']],
    [
      plan({ profiles: [{ min: 64, max: 128 }] }, '', 'max_batch_size: 128'),
      ['m/config.pbtxt:2:17 warning the profiles of the plan begin at batch 64: smaller requests fail'],
    ],
  ],
  silent: [[plan(upTo4, '', 'max_batch_size: 4')], [plan({})]],
});

testRule('plan/preferred-outside', {
  fires: [
    [
      plan(
        {
          profiles: [
            { min: 1, max: 2 },
            { min: 6, max: 8 },
          ],
        },
        'dynamic_batching { preferred_batch_size: [ 2, 4 ] }',
      ),
      ['m/config.pbtxt:3:47 warning preferred_batch_size 4 lies in no profile of the plan (1 to 2, 6 to 8)'],
    ],
  ],
  silent: [[plan(upTo4, 'dynamic_batching { preferred_batch_size: [ 2, 4 ] }', 'max_batch_size: 4')]],
});

testRule('plan/profile-index', {
  fires: [
    [
      plan(upTo4, 'instance_group { profile: [ "0", "2" ] }'),
      ['m/config.pbtxt:3:34 error profile 2 does not exist: the plan has 2, counted from 0'],
    ],
  ],
  silent: [[plan(upTo4, 'instance_group { profile: [ "0", "1" ] }')]],
});

const graph = (inner: string, batch?: string) =>
  plan({}, `optimization { cuda { graph_spec [ { ${inner} } ] } }`, batch);

testRule('plan/graph-spec', {
  fires: [
    [
      graph('batch_size: 9'),
      ['m/config.pbtxt:3:50 error graph_spec[0] has batch_size 9, it must be 1 to 8 (max_batch_size)'],
    ],
    [
      graph('batch_size: 1', 'max_batch_size: 0'),
      ['m/config.pbtxt:3:50 error graph_spec[0] has batch_size 1, it must be 0, as max_batch_size is'],
    ],
    [
      graph('batch_size: 4 graph_lower_bound { batch_size: 5 }'),
      ['m/config.pbtxt:3:84 error graph_spec[0] has a lower bound of batch_size 5, it must be 1 to 4'],
    ],
  ],
  silent: [[graph('batch_size: 8 graph_lower_bound { batch_size: 2 }')], [graph('', 'max_batch_size: 0')], [plan({})]],
});
