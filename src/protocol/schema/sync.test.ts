import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { syncAgainst } from './against.ts';
import { protoText } from './fixtures/releases.ts';
import { type OwnSchema, schemas } from './schemas.ts';
import { rewriteTable } from './table-source.ts';

const [config, grpc, health] = schemas as [OwnSchema, OwnSchema, OwnSchema];
const generated = ['src/config/generated.ts', 'src/protocol/schema/generated.ts'];
const files = [...schemas.map(({ file }) => file), ...generated];
const checkout = fileURLToPath(new URL('../../../', import.meta.url));

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'conch-sync-'));
  for (const file of files) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await cp(join(checkout, file), join(root, file));
  }
});
afterEach(() => rm(root, { recursive: true }));

const read = (file: string) => readFile(join(root, file), 'utf8');

/** Synchronises with our own table, published with some text replaced. */
async function sync(own: OwnSchema, ...replacements: [string | RegExp, string][]) {
  let text = protoText(own);
  for (const [from, to] of replacements) {
    const replaced = text.replace(from, to);
    expect(replaced, String(from)).not.toBe(text);
    text = replaced;
  }
  await writeFile(join(root, 'release.proto'), text);
  return syncAgainst([join(root, 'release.proto')], { root });
}

/** Lines that a file gained and lost, in its order. */
async function changed(file: string): Promise<string[]> {
  const [before, after] = [await readFile(join(checkout, file), 'utf8'), await read(file)].map((text) =>
    text.split('\n'),
  );
  const lost = before!.filter((line) => !after!.includes(line)).map((line) => `-${line}`);
  return [...lost, ...after!.filter((line) => !before!.includes(line)).map((line) => `+${line}`)];
}

test('an equal release changes nothing', async () => {
  for (const own of schemas) {
    expect(await sync(own)).toMatchObject({ changes: [], written: [], undocumented: [] });
  }
  for (const file of files) expect(await changed(file)).toEqual([]);
});

describe('a release that differs', () => {
  test('puts new fields where it has them, with a sentence from name and type', async () => {
    const result = await sync(
      config,
      [
        'bool preserve_ordering = 3;\nuint64 priority',
        'bool preserve_ordering = 3;\noptional uint32 spare_levels = 20;\nuint64 priority',
      ],
      ['bool decoupled = 1;', 'map<string, ModelParameter> limits = 2; bool decoupled = 1; repeated Mode modes = 3;'],
      [
        'message ModelTransactionPolicy {',
        'message ModelTransactionPolicy { enum Mode { MODE_ONE = 0; MODE_MANY = 1; }',
      ],
    );
    expect(result.written).toEqual(['src/config/schema/table.ts', 'src/config/generated.ts']);
    expect(result.undocumented).toEqual([
      'ModelDynamicBatching.spare_levels',
      'ModelTransactionPolicy.limits',
      'ModelTransactionPolicy.modes',
    ]);
    expect(result.changes.map(({ schema }) => schema)).toEqual(['model_config']);
    const table = await read('src/config/schema/table.ts');
    expect(table).toContain(
      `    { number: 3, name: 'preserve_ordering', type: 'bool', doc: 'Answer in arrival order.' },
    { number: 20, name: 'spare_levels', type: 'uint32', optional: true, doc: 'Spare levels: uint32.' },
    { number: 4, name: 'priority_levels',`,
    );
    expect(table).toContain(
      `  ModelTransactionPolicy: [
    {
      number: 2,
      name: 'limits',
      type: 'ModelParameter',
      label: 'map',
      key: 'string',
      doc: 'Limits: map from string to ModelParameter.',
    },
    { number: 1, name: 'decoupled', type: 'bool', doc: 'Zero, one or many responses per request.' },
    {
      number: 3,
      name: 'modes',
      type: 'ModelTransactionPolicy.Mode',
      label: 'repeated',
      doc: 'Modes: list of ModelTransactionPolicy.Mode.',
    },
  ],`,
    );
    expect(table).toContain("  'ModelTransactionPolicy.Mode': { MODE_ONE: 0, MODE_MANY: 1 },\n");
    expect(await changed('src/config/generated.ts')).toEqual(
      expect.arrayContaining([
        "+export type ModelTransactionPolicy_Mode = 'MODE_ONE' | 'MODE_MANY' | number;",
        '+  /** Spare levels: uint32. (field 20) */',
        '+  spare_levels?: number;',
        '+  limits?: { [key: string]: ModelParameter };',
        '+  modes?: ModelTransactionPolicy_Mode[];',
      ]),
    );
  });

  test('keeps our sentences for what is renumbered, retyped, relabelled and renamed', async () => {
    await sync(
      config,
      ['bool eager_batching = 8;', 'bool keen_batching = 8;'],
      ['bool busy_wait_events = 2;', 'repeated int32 busy_wait_events = 9;'],
      ['bool enable = 1;\n}\nmessage ModelMetrics', 'oneof switch { bool enable = 1; } }\nmessage ModelMetrics'],
    );
    const table = await read('src/config/schema/table.ts');
    expect(table).toContain(
      "{ number: 8, name: 'keen_batching', type: 'bool', doc: 'TensorRT: prepare next batch while the current one runs.' },",
    );
    expect(table).toContain(`    {
      number: 9,
      name: 'busy_wait_events',
      type: 'int32',
      label: 'repeated',
      doc: 'TensorRT: spin instead of sleeping on events.',
    },
    {
      number: 3,
      name: 'graph_spec',`);
    expect(table).toContain(`  ModelResponseCache: [
    {
      number: 1,
      name: 'enable',
      type: 'bool',
      oneof: 'switch',
      doc: 'Opt in to the response cache (server must also have one).',
    },
  ],`);
  });

  test('removes what is gone, and takes over methods and services', async () => {
    const result = await sync(
      grpc,
      [
        'rpc LogSettings (LogSettingsRequest) returns (LogSettingsResponse) {}',
        'rpc TokenCount (ModelInferRequest) returns (stream InferParameter);',
      ],
      [/message LogSettings[\s\S]*?\n(?=message ServerLive|service)/, ''],
      [/$/, 'service Extra { rpc Go (stream InferParameter) returns (InferParameter); }'],
    );
    expect(result.undocumented).toEqual(['GRPCInferenceService.TokenCount', 'Extra.Go']);
    expect(result.written).toEqual(['src/protocol/schema/table.ts', 'src/protocol/schema/generated.ts']);
    const table = await read('src/protocol/schema/table.ts');
    expect(table).not.toContain('LogSettings');
    expect(table).toContain(`    {
      name: 'TokenCount',
      request: 'ModelInferRequest',
      response: 'InferParameter',
      responseStream: true,
      doc: 'Token count: ModelInferRequest to InferParameter.',
    },
  ],
  Extra: [
    {
      name: 'Go',
      request: 'InferParameter',
      requestStream: true,
      response: 'InferParameter',
      doc: 'Go: InferParameter to InferParameter.',
    },
  ],
};`);
    expect(table).toContain(" * Triton's gRPC interface as data"); // What stands around the tables stays.
    expect(await read('src/protocol/schema/generated.ts')).toContain('export interface Extra {');
  });

  test('gRPC messages may carry further messages of the configuration', async () => {
    await sync(grpc, ['bool live = 1;', 'bool live = 1; inference.ModelRateLimiter limiter = 2;']);
    expect(await read('src/protocol/schema/generated.ts')).toContain(
      "import type { Int64, ModelConfig, ModelRateLimiter } from '../../config/index.ts';",
    );
  });

  test('may hold names that JavaScript objects have', async () => {
    await sync(
      health,
      ['string service = 1;', 'string service = 1; string constructor = 2;'],
      [/$/, 'message toString {}'],
    );
    expect(await read('src/protocol/schema/health.ts')).toContain('  toString: [],\n');
  });
});

describe('nothing is written when', () => {
  const expectUntouched = async () => {
    for (const file of files) expect(await changed(file), file).toEqual([]);
  };

  test.each<[string, OwnSchema, [string | RegExp, string], string]>([
    [
      'the configuration gets a type that its readers do not know',
      config,
      ['bool decoupled = 1;', 'bool decoupled = 1; bytes seed = 2;'],
      'model_config: ModelTransactionPolicy.seed is of type bytes, which no table holds',
    ],
    [
      'a type comes from another package',
      grpc,
      ['bool live = 1;', 'bool live = 1; google.protobuf.Any any = 2;'],
      'grpc_service: ServerLiveResponse.any is of type google.protobuf.Any, which no table holds',
    ],
    [
      'a map has keys that no table knows',
      config,
      ['map<string, string> metric_tags', 'map<int32, string> metric_tags'],
      'model_config: ModelConfig.metric_tags is a map with keys of type int32',
    ],
    [
      'a method takes what no table holds',
      grpc,
      ['rpc ServerLive (ServerLiveRequest)', 'rpc ServerLive (google.protobuf.Empty)'],
      'grpc_service: GRPCInferenceService.ServerLive takes or gives google.protobuf.Empty, which no table holds',
    ],
  ])('%s', async (_title, own, replacement, message) => {
    await expect(sync(own, replacement)).rejects.toMatchObject({
      code: 'NOT_SUPPORTED',
      message,
      fix: 'teach the readers in src/config (or the generator) that type first; nothing was written',
    });
    await expectUntouched();
  });

  test('a table was edited since this conch was started or built', async () => {
    const file = 'src/protocol/schema/table.ts';
    await writeFile(join(root, file), (await read(file)).replace('Model name.', 'Name.'));
    await expect(sync(health, ['string service = 1;', ''])).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: `${file} is not the table that this conch runs with`,
      fix: expect.stringContaining('run from source'),
    });
  });

  test('a table is not there in the form that a program can rewrite', async () => {
    const file = 'src/protocol/schema/health.ts';
    await writeFile(join(root, file), (await read(file)).replace('export const enums', 'const enums'));
    await expect(sync(health)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: `${file} has no table "export const enums: ... = { ... };"`,
    });
  });

  test('this is an installed package', async () => {
    await rm(join(root, 'src'), { recursive: true });
    await expect(sync(health)).rejects.toMatchObject({
      code: 'NOT_SUPPORTED',
      message: `conch protocol sync rewrites conch's own sources, and ${root} has none`,
      fix: 'run it in a checkout of conch; conch protocol diff works anywhere',
    });
  });
});

test('a table is printed as the formatter would', () => {
  const source =
    '// Above.\nexport const messages: Table = {\n  old: [],\n};\n\n// Below.\nexport const enums: Table = {};\n';
  const messages = {
    A: [],
    'A.B': [{ doc: "it's" }],
    C: [{ doc: 'say "it\'s" \\ twice' }, { doc: 'x'.repeat(90), more: true }],
    D: [{ a: 1, doc: 'y'.repeat(130) }],
    constructor: { a: -1, b: 0 },
  };
  expect(rewriteTable(source, 'x.ts', { messages })).toBe(`// Above.
export const messages: Table = {
  A: [],
  'A.B': [{ doc: "it's" }],
  C: [
    { doc: 'say "it\\'s" \\\\ twice' },
    { doc: '${'x'.repeat(90)}', more: true },
  ],
  D: [
    {
      a: 1,
      doc: '${'y'.repeat(130)}',
    },
  ],
  constructor: { a: -1, b: 0 },
};

// Below.
export const enums: Table = {};
`);
  expect(rewriteTable(source, 'x.ts', { enums: { E: { A: 0 } }, messages: {} })).toBe(
    '// Above.\nexport const messages: Table = {};\n\n// Below.\nexport const enums: Table = {\n  E: { A: 0 },\n};\n',
  );
});
