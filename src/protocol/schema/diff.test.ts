import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { diffAgainst } from './against.ts';
import { protoText, pythonModule } from './fixtures/releases.ts';
import { type OwnSchema, schemas } from './schemas.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conch-schema-'));
});
afterAll(() => rm(folder, { recursive: true }));

const [config, grpc, health] = schemas as [OwnSchema, OwnSchema, OwnSchema];

/** Differences between our tables and themselves with some text replaced. */
async function differences(own: OwnSchema, replacements: readonly [string | RegExp, string][]) {
  let text = protoText(own);
  for (const [from, to] of replacements) {
    const replaced = text.replace(from, to);
    expect(replaced, String(from)).not.toBe(text);
    text = replaced;
  }
  const path = join(folder, `${own.name}.proto`);
  await writeFile(path, text);
  const { schemas: compared, equal } = await diffAgainst([path]);
  const found = compared.find(({ schema }) => schema === own.name)!.differences!;
  expect(equal).toBe(found.length === 0);
  return found;
}

describe('our own tables, published as a release', () => {
  test.each([
    ['.proto files', protoText, (name: string) => `${name}.proto`],
    ['Python modules', pythonModule, (name: string) => `${name}_pb2.py`],
  ] as const)('%s are equal', async (_form, publish, fileName) => {
    const release = await mkdtemp(join(folder, 'release-'));
    for (const own of schemas) await writeFile(join(release, fileName(own.name)), publish(own));
    const diff = await diffAgainst([release]);
    expect(diff.equal).toBe(true);
    expect(diff.sources).toHaveLength(3);
    expect(diff.schemas.map(({ schema, differences }) => [schema, differences])).toEqual([
      ['model_config', []],
      ['grpc_service', []],
      ['health', []],
    ]);
    expect(diff.schemas[1]).toMatchObject({ messages: 59, enums: 0, methods: 20 });
  });

  test('one file alone is compared with its own table; types of the other are known', async () => {
    const path = join(folder, 'alone.proto');
    await writeFile(path, protoText(grpc));
    const { schemas: compared, equal } = await diffAgainst([path]);
    expect(equal).toBe(true);
    expect(compared.map(({ differences }) => differences)).toEqual([undefined, [], undefined]);
  });
});

describe('every kind of difference', () => {
  const field = (kind: string, path: string, ours?: string, release?: string) => ({
    kind,
    element: 'field',
    path,
    ...(ours !== undefined && { ours }),
    ...(release !== undefined && { release }),
  });

  test.each<[string, OwnSchema, [string | RegExp, string][], object[]]>([
    [
      'fields added: with a label, in a oneof, of a map',
      config,
      [
        [
          'bool decoupled = 1;',
          'bool decoupled = 1; optional uint32 a = 2; map<int32, bool> b = 3; oneof c { float d = 4; }',
        ],
      ],
      [
        field('added', 'ModelTransactionPolicy.a', undefined, 'optional uint32 = 2'),
        field('added', 'ModelTransactionPolicy.b', undefined, 'map<int32, bool> = 3'),
        field('added', 'ModelTransactionPolicy.d', undefined, 'float = 4 (oneof c)'),
      ],
    ],
    [
      'fields removed',
      config,
      [
        ['bool eager_batching = 8;', ''],
        ['repeated string op_library_filename = 1;', 'reserved 1; reserved "op_library_filename";'],
      ],
      [
        field('removed', 'ModelOptimizationPolicy.eager_batching', 'bool = 8'),
        field('removed', 'ModelOperations.op_library_filename', 'repeated string = 1'),
      ],
    ],
    [
      'a field renamed',
      config,
      [['bool eager_batching = 8;', 'bool keen_batching = 8;']],
      [field('renamed', 'ModelOptimizationPolicy.eager_batching', 'eager_batching', 'keen_batching')],
    ],
    [
      'a field under another name and type is another field',
      config,
      [['bool eager_batching = 8;', 'int32 keen_batching = 8;']],
      [
        field('removed', 'ModelOptimizationPolicy.eager_batching', 'bool = 8'),
        field('added', 'ModelOptimizationPolicy.keen_batching', undefined, 'int32 = 8'),
      ],
    ],
    [
      'fields renumbered, even when they change places',
      config,
      [
        ['ModelTensorReshape reshape = 5;\nbool', 'ModelTensorReshape reshape = 77;\nbool'],
        ['string input_name = 1;\nstring output_name = 2;', 'string input_name = 2;\nstring output_name = 1;'],
      ],
      [
        field('renumbered', 'ModelInput.reshape', '5', '77'),
        field('renumbered', 'ModelSequenceBatching.State.input_name', '1', '2'),
        field('renumbered', 'ModelSequenceBatching.State.output_name', '2', '1'),
      ],
    ],
    [
      'fields retyped: scalar, message, key and value of a map',
      config,
      [
        ['uint64 priority_levels', 'uint32 priority_levels'],
        ['map<uint64, ModelQueuePolicy> priority', 'map<uint32, ModelQueuePolicy> priority'],
        ['map<string, string> metric_tags', 'map<string, ModelParameter> metric_tags'],
        ['ModelResponseCache response_cache', 'ModelOperations response_cache'],
      ],
      [
        field('retyped', 'ModelConfig.metric_tags', 'map<string, string>', 'map<string, ModelParameter>'),
        field('retyped', 'ModelConfig.response_cache', 'ModelResponseCache', 'ModelOperations'),
        field('retyped', 'ModelDynamicBatching.priority_levels', 'uint64', 'uint32'),
        field(
          'retyped',
          'ModelDynamicBatching.priority_queue_policy',
          'map<uint64, ModelQueuePolicy>',
          'map<uint32, ModelQueuePolicy>',
        ),
      ],
    ],
    [
      'fields relabelled: singular, repeated, map, optional, oneof',
      config,
      [
        ['repeated ModelInput input', 'ModelInput input'],
        ['int32 max_batch_size', 'optional int32 max_batch_size'],
        ['string platform', 'repeated string platform'],
        ['map<string, ModelParameter> parameters', 'repeated ModelParameter parameters'],
        ['ModelOperations model_operations = 18;', ''],
        ['oneof scheduling_choice {', 'oneof scheduling_choice { ModelOperations model_operations = 18;'],
      ],
      [
        field('relabelled', 'ModelConfig.platform', 'singular', 'repeated'),
        field('relabelled', 'ModelConfig.max_batch_size', 'singular', 'optional'),
        field('relabelled', 'ModelConfig.input', 'repeated', 'singular'),
        field('relabelled', 'ModelConfig.parameters', 'map', 'repeated'),
        field('relabelled', 'ModelConfig.model_operations', 'singular', 'oneof scheduling_choice'),
      ],
    ],
    [
      'a oneof renamed concerns all its fields',
      config,
      [['oneof strategy_choice', 'oneof strategy']],
      ['direct', 'oldest'].map((name) =>
        field('relabelled', `ModelSequenceBatching.${name}`, 'oneof strategy_choice', 'oneof strategy'),
      ),
    ],
    [
      'messages added and removed, with their fields, and nested ones',
      config,
      [
        [
          'message ModelOperations {',
          'message ModelQuota { message Window { uint64 us = 1; } Window window = 1; }\nmessage ModelOperations {',
        ],
        ['ModelTransactionPolicy model_transaction_policy = 19;', ''],
        [/message ModelTransactionPolicy \{[^}]*\}/, ''],
      ],
      [
        field('removed', 'ModelConfig.model_transaction_policy', 'ModelTransactionPolicy = 19'),
        { kind: 'removed', element: 'message', path: 'ModelTransactionPolicy', ours: '1 field' },
        field('removed', 'ModelTransactionPolicy.decoupled', 'bool = 1'),
        { kind: 'added', element: 'message', path: 'ModelQuota', release: '1 field' },
        field('added', 'ModelQuota.window', undefined, 'ModelQuota.Window = 1'),
        { kind: 'added', element: 'message', path: 'ModelQuota.Window', release: '1 field' },
        field('added', 'ModelQuota.Window.us', undefined, 'uint64 = 1'),
      ],
    ],
    [
      'values added, removed, renamed and renumbered',
      config,
      [
        ['TYPE_BF16 = 14;', 'TYPE_BF16 = 15; TYPE_FP8 = 16;'],
        ['KIND_MODEL = 3;', ''],
        ['PRIORITY_MIN = 2;', 'PRIORITY_LEAST = 2;'],
      ],
      [
        { kind: 'renumbered', element: 'value', path: 'DataType.TYPE_BF16', ours: '14', release: '15' },
        { kind: 'added', element: 'value', path: 'DataType.TYPE_FP8', release: '16' },
        {
          kind: 'renamed',
          element: 'value',
          path: 'ModelOptimizationPolicy.ModelPriority.PRIORITY_MIN',
          ours: 'PRIORITY_MIN',
          release: 'PRIORITY_LEAST',
        },
        { kind: 'removed', element: 'value', path: 'ModelInstanceGroup.Kind.KIND_MODEL', ours: '3' },
      ],
    ],
    [
      'an alias of a value is an addition, not a renaming',
      config,
      [['enum TimeoutAction {', 'enum TimeoutAction { option allow_alias = true; REFUSE = 0;']],
      [{ kind: 'added', element: 'value', path: 'ModelQueuePolicy.TimeoutAction.REFUSE', release: '0' }],
    ],
    [
      'enumerations added and removed',
      health,
      [
        [/enum ServingStatus \{[^}]*\}/, 'enum Status { UNKNOWN = 0; }'],
        ['HealthCheckResponse.ServingStatus status', 'Status status'],
      ],
      [
        field(
          'retyped',
          'HealthCheckResponse.status',
          'HealthCheckResponse.ServingStatus',
          'HealthCheckResponse.Status',
        ),
        { kind: 'removed', element: 'enum', path: 'HealthCheckResponse.ServingStatus', ours: '4 values' },
        ...[
          ['UNKNOWN', '0'],
          ['SERVING', '1'],
          ['NOT_SERVING', '2'],
          ['SERVICE_UNKNOWN', '3'],
        ].map(([value, ours]) => ({
          kind: 'removed',
          element: 'value',
          path: `HealthCheckResponse.ServingStatus.${value}`,
          ours,
        })),
        { kind: 'added', element: 'enum', path: 'HealthCheckResponse.Status', release: '1 value' },
        { kind: 'added', element: 'value', path: 'HealthCheckResponse.Status.UNKNOWN', release: '0' },
      ],
    ],
    [
      'methods added, removed, retyped and streaming otherwise',
      grpc,
      [
        ['rpc ServerLive (', 'rpc ServerAlive ('],
        ['rpc ModelInfer (ModelInferRequest)', 'rpc ModelInfer (stream ModelInferRequest)'],
        ['returns (stream ModelStreamInferResponse)', 'returns (ModelStreamInferResponse)'],
        ['rpc TraceSetting (TraceSettingRequest)', 'rpc TraceSetting (LogSettingsRequest)'],
      ],
      [
        {
          kind: 'removed',
          element: 'method',
          path: 'GRPCInferenceService.ServerLive',
          ours: 'ServerLiveRequest -> ServerLiveResponse',
        },
        {
          kind: 'relabelled',
          element: 'method',
          path: 'GRPCInferenceService.ModelInfer',
          ours: 'unary',
          release: 'streams requests',
        },
        {
          kind: 'relabelled',
          element: 'method',
          path: 'GRPCInferenceService.ModelStreamInfer',
          ours: 'streams both ways',
          release: 'streams requests',
        },
        {
          kind: 'retyped',
          element: 'method',
          path: 'GRPCInferenceService.TraceSetting',
          ours: 'TraceSettingRequest -> TraceSettingResponse',
          release: 'LogSettingsRequest -> TraceSettingResponse',
        },
        {
          kind: 'added',
          element: 'method',
          path: 'GRPCInferenceService.ServerAlive',
          release: 'ServerLiveRequest -> ServerLiveResponse',
        },
      ],
    ],
    [
      'a service added',
      grpc,
      [
        [
          'service GRPCInferenceService {',
          'service Tokens { rpc Count (ModelInferRequest) returns (stream InferParameter); }\nservice GRPCInferenceService {',
        ],
      ],
      [
        { kind: 'added', element: 'service', path: 'Tokens', release: '1 method' },
        {
          kind: 'added',
          element: 'method',
          path: 'Tokens.Count',
          release: 'ModelInferRequest -> stream InferParameter',
        },
      ],
    ],
  ])('%s', async (_title, own, replacements, expected) => {
    expect(await differences(own, replacements)).toEqual(expected);
  });

  test('what differs in writing only is equal', async () => {
    expect(
      await differences(config, [
        ['syntax = "proto3";', '// Licence.\nsyntax = "proto3"; import "other.proto"; option java_package = "x";'],
        ['ModelVersionPolicy version_policy', '.inference.ModelVersionPolicy version_policy'],
        ['repeated ModelInput input = 5;', 'repeated inference.ModelInput input = 5 [deprecated = true];'],
        ['message ModelOperations {', 'message ModelOperations { reserved 7 to 9, 12; reserved "old";'],
        ['enum DataType {', '/* Types. */ enum DataType { reserved 99;'],
        ['ModelVersionPolicy.Latest latest', 'Latest latest'],
      ]),
    ).toEqual([]);
  });
});
