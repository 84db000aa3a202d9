import { execFileSync, spawnSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { conch } from '../src/cli/testing.ts';
import type { SchemaDiff } from '../src/protocol/index.ts';
import { protoText, pythonModule } from '../src/protocol/schema/fixtures/releases.ts';
import { schemas } from '../src/protocol/schema/schemas.ts';

const root = resolve(import.meta.dirname, '..');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conch-protocol-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A folder with our own tables as .proto files, with some text of one of them replaced. */
async function release(name: string, ...[from, to]: [] | [string, string]): Promise<string> {
  const path = await mkdtemp(join(folder, `${name}-`));
  for (const own of schemas) {
    const text = protoText(own);
    await writeFile(join(path, `${own.name}.proto`), from === undefined ? text : text.replace(from, to!));
  }
  return path;
}

// `npm run test:tritonclient` fetches the newest tritonclient with pip and sets CONCH_TRITONCLIENT.
const tritonclient = process.env.CONCH_TRITONCLIENT;

test.skipIf(!tritonclient)("PyPI's tritonclient (npm run test:tritonclient) says what our tables say", async () => {
  const { code, out, err } = await conch('protocol', 'diff', '--against', resolve(root, tritonclient!), '--json');
  expect(err).toBe('');
  const differences = JSON.parse(out).schemas.map((own: SchemaDiff) => [own.schema, own.differences]);
  // The client does not speak the health protocol.
  expect(differences).toEqual([
    ['model_config', []],
    ['grpc_service', []],
    ['health', undefined],
  ]);
  expect(code).toBe(0);
});

describe('conch protocol diff', () => {
  test('of an equal release ends with 0', async () => {
    const { code, out } = await conch('protocol', 'diff', '--against', await release('equal'));
    expect(code).toBe(0);
    expect(out).toMatch(/^model_config: equal .*\ngrpc_service: equal .*\nhealth: equal \(2 messages, .*\)\n$/);
  });

  test('prints what differs, one line each, and ends with 1', async () => {
    const path = await release('other', 'message ModelOperations {', 'message ModelOperations { bool eager = 9;');
    const text = (await readFile(join(path, 'model_config.proto'), 'utf8'))
      .replace('bool eager_batching = 8;', '')
      .replace('string backend = 17;', 'string backend = 18;');
    await writeFile(join(path, 'model_config.proto'), text.replace('ModelOperations model_operations = 18;', ''));
    const { code, out } = await conch('protocol', 'diff', '--against', path);
    expect(code).toBe(1);
    expect(out.split('\n').slice(0, 6)).toEqual([
      'model_config: 4 differences',
      '  ~ field ModelConfig.backend renumbered: 17 -> 18',
      '  - field ModelConfig.model_operations: ModelOperations = 18',
      '  - field ModelOptimizationPolicy.eager_batching: bool = 8',
      '  + field ModelOperations.eager: bool = 9',
      'grpc_service: equal (59 messages, 0 enumerations, 20 methods)',
    ]);
  });

  test('--json gives the same as data; several sources make one release', async () => {
    const module = join(folder, 'service_pb2.py');
    await writeFile(module, pythonModule(schemas[1]!));
    const path = await release('one', 'message ModelOperations {', 'message ModelOperations { bool eager = 9;');
    const config = join(path, 'model_config.proto');
    const { code, out } = await conch('protocol', 'diff', '--against', module, '--against', config, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual({
      sources: [module, config],
      equal: false,
      schemas: [
        {
          schema: 'model_config',
          messages: 46,
          enums: 9,
          methods: 0,
          differences: [{ kind: 'added', element: 'field', path: 'ModelOperations.eager', release: 'bool = 9' }],
        },
        { schema: 'grpc_service', messages: 59, enums: 0, methods: 20, differences: [] },
        { schema: 'health', messages: 2, enums: 1, methods: 1 },
      ],
    });
  });

  test('that cannot run ends with 2 and says where', async () => {
    const path = join(folder, 'broken.proto');
    await writeFile(path, 'syntax = "proto3";\npackage inference;\nmessage ModelConfig {\n  strin g name = 1;\n}\n');
    const { code, out, err } = await conch('protocol', 'diff', '--against', path);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(
      `error: ${path}:4: not a .proto file: illegal token 'name', '=' expected\n  fix: name the files`,
    );
    const json = await conch('protocol', 'diff', '--against', path, '--json');
    expect(JSON.parse(json.out).error).toMatchObject({ code: 'FILE_INVALID', where: { file: path } });
  });
});

describe('conch protocol sync, in a checkout', () => {
  let checkout: string;
  beforeAll(async () => {
    checkout = await mkdtemp(join(folder, 'checkout-'));
    await cp(join(root, 'src'), join(checkout, 'src'), { recursive: true });
    await cp(join(root, 'package.json'), join(checkout, 'package.json'));
    await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'));
  });
  const there = (...argv: string[]) => {
    const { status, stdout } = spawnSync(process.execPath, ['src/main.ts', 'protocol', ...argv], {
      cwd: checkout,
      encoding: 'utf8',
    });
    return { code: status, out: stdout };
  };

  test('rewrites tables and types; then nothing differs, and our own release leads back', async () => {
    const own = await release('own');
    // Names of every length around the width of a line: the formatter must agree on each.
    const fields = Array.from({ length: 24 }, (_, index) => `bool ${'x'.repeat(18 + index)} = ${20 + index};`);
    const other = await release('new', 'bool decoupled = 1;', `${fields.join(' ')} bool decoupled = 1;`);
    const config = join(other, 'model_config.proto');
    await writeFile(config, (await readFile(config, 'utf8')).replace('oneof policy_choice', 'oneof choice'));

    expect(there('diff', '--against', other).code).toBe(1);
    const { code, out } = there('sync', '--against', other);
    expect(code).toBe(0);
    expect(out).toContain('rewritten: src/config/schema/table.ts, src/config/generated.ts\n');
    expect(out).toContain(
      'these have a sentence made from their names; write a better one: ModelTransactionPolicy.xxx',
    );
    expect(there('diff', '--against', other)).toMatchObject({ code: 0 });
    expect(there('sync', '--against', other)).toMatchObject({ code: 0, out: 'nothing to change\n' });

    const table = await readFile(join(checkout, 'src/config/schema/table.ts'), 'utf8');
    const biome = join(root, 'node_modules/.bin/biome');
    const formatted = execFileSync(biome, ['format', '--stdin-file-path=src/config/schema/table.ts'], {
      cwd: root,
      input: table,
      encoding: 'utf8',
    });
    expect(table).toBe(formatted);

    const back = JSON.parse(there('sync', '--against', own, '--json').out);
    expect(back).toMatchObject({
      written: ['src/config/schema/table.ts', 'src/config/generated.ts'],
      undocumented: [],
    });
    for (const file of back.written) {
      expect(await readFile(join(checkout, file), 'utf8')).toBe(await readFile(join(root, file), 'utf8'));
    }
  });
});
