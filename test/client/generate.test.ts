import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLogger } from '../../src/base/index.ts';
import { conch } from '../../src/cli/testing.ts';
import { connect, type TritonClient } from '../../src/client/index.ts';
import { type RunningServer, startServer } from '../../src/server/index.ts';
import * as models from '../golden/client/models.ts';
import { writeRepository } from './repository.ts';

const root = resolve(import.meta.dirname, '../..');
const golden = (name: string) => join(root, 'test/golden/client', name);
const served = ['mlp', 'every-type.v2'];
const withCurl = spawnSync('curl', ['--version']).status === 0;
const clients = process.env.CONCH_CLIENTS;

let repository: string;
let server: RunningServer;
let client: TritonClient;
let small: string;
beforeAll(async () => {
  repository = writeRepository();
  small = writeRepository(served);
  const logger = createLogger('silent');
  server = await startServer({ repository: small, httpPort: 0, grpcPort: 0, metricsPort: false, threads: 1, logger });
  client = connect(server.url);
});
afterAll(async () => {
  await client?.close();
  await server?.close();
  for (const folder of [repository, small]) rmSync(folder, { recursive: true, force: true });
});

/** Golden files are written anew with UPDATE_GOLDEN=1. */
function expectGolden(name: string, text: string): void {
  if (process.env.UPDATE_GOLDEN) writeFileSync(golden(name), text);
  expect(text).toBe(readFileSync(golden(name), 'utf8'));
}

/** Not the synchronous kind: the server answers from this very process. */
async function run(command: string, args: readonly string[], input: string): Promise<string> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(input);
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  return text;
}

test.each([
  ['typescript', 'models.ts'],
  ['curl', 'models.sh'],
  ['python', 'models.py'],
])('%s from a repository', async (language, name) => {
  const { code, out } = await conch('client', 'generate', '--repository', repository, '--language', language);
  expect(code).toBe(0);
  expectGolden(name, out);
});

test('a server gives the same as its repository', async () => {
  const fromServer = await conch('client', 'generate', '--server', server.url, '--model', 'mlp', '--json');
  const fromGrpc = await conch(
    'client',
    'generate',
    '--server',
    `grpc://127.0.0.1:${server.grpcPort}`,
    '--model',
    'mlp',
    '--json',
  );
  const fromFolder = await conch('client', 'generate', '--repository', small, '--model', 'mlp', '--json');
  const text = ({ out }: { out: string }) => (JSON.parse(out) as { text: string }).text.split('\n').slice(1);
  expect(JSON.parse(fromServer.out)).toMatchObject({ models: ['mlp'] });
  expect(text(fromServer)).toEqual(text(fromFolder));
  expect(text(fromGrpc)).toEqual(text(fromFolder));
});

test('what cannot be generated says why', async () => {
  const unknown = await conch('client', 'generate', '--repository', small, '--model', 'nlp');
  expect(unknown).toMatchObject({
    code: 2,
    err: expect.stringContaining("has no model 'nlp'; it has every-type.v2, mlp"),
  });
  const both = await conch('client', 'generate', '--repository', small, '--server', server.url);
  expect(both).toMatchObject({ code: 2, err: expect.stringContaining('exclude each other') });
  const out = await conch('client', 'generate', '--repository', small, '--out', join(small, 'none/models.ts'));
  expect(out).toMatchObject({ code: 2, err: expect.stringContaining('ENOENT') });
});

test('the module compiles as a user would compile it, and the compiler knows shapes and types', async () => {
  const folder = join(small, '..', `conch-compiled-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    const written = await conch('client', 'generate', '--repository', repository, '--out', join(folder, 'models.ts'));
    expect(written).toMatchObject({ code: 0, out: '', err: expect.stringContaining('4 models') });
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(
      join(folder, 'use.ts'),
      `import { connect } from 'conch-triton/client';
       import { class2, count, everyTypeV2, type EveryTypeV2Inputs, mlp, type MlpInputs, type MlpOutputs } from './models.ts';
       const client = connect('http://h:1');
       declare const every: EveryTypeV2Inputs;
       const { prediction } = await mlp.infer(client, { x: new Float32Array(10) });
       const data: Float32Array = prediction.data;
       const shape: readonly [number, 1] = prediction.shape;
       const inputs: MlpInputs = { x: { shape: [2, 10], data: new Float32Array(20) } };
       const outputs: Partial<MlpOutputs> = { prediction };
       const texts: string[] = (await everyTypeV2.infer(client, every, { outputs: ['out_string'] })).out_string.values();
       for await (const { PART } of count.stream(client, { N: [3] })) PART?.values();
       await class2.infer(client, { 'image data': { shape: [1, 4, 4, 3], data: new Float32Array(48) } });
       // @ts-expect-error no such input
       await mlp.infer(client, { y: new Float32Array(10) });
       // @ts-expect-error an input is missing
       await mlp.infer(client, {});
       // @ts-expect-error of another type
       await mlp.infer(client, { x: new Float64Array(10) });
       // @ts-expect-error of another shape
       await mlp.infer(client, { x: { shape: [1, 9], data: new Float32Array(9) } });
       // @ts-expect-error not asked for
       (await everyTypeV2.infer(client, every, { outputs: ['out_string'] })).out_bool;
       // @ts-expect-error no such output
       await mlp.infer(client, { x: [1] }, { outputs: ['y'] });
       export { data, inputs, outputs, shape, texts };`,
    );
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.json'),
        compilerOptions: {
          noEmit: true,
          paths: { 'conch-triton/client': [join(root, 'src/client/index.ts')] },
          typeRoots: [join(root, 'node_modules/@types')],
        },
        include: ['*.ts'],
      }),
    );
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

const everyType = {
  in_bool: [true, false],
  in_uint8: [0, 255],
  in_uint16: [0, 65535],
  in_uint32: [0, 2 ** 32 - 1],
  in_uint64: [0n, 2n ** 64n - 1n],
  in_int8: [-128, 127],
  in_int16: [-32768, 32767],
  in_int32: [-(2 ** 31), 2 ** 31 - 1],
  in_int64: [1n, -1n],
  in_float16: [0.5, 1],
  in_float: [0.25, -1],
  in_double: [0.1, 1e300],
  in_string: ['5 €', ''],
};

describe('the module of the golden file against the embedded server', () => {
  test.each(['http', 'grpc'])('infers over %s', async (scheme) => {
    const target = scheme === 'http' ? client : connect(`grpc://127.0.0.1:${server.grpcPort}`);
    await models.mlp.verify(target);
    const { prediction } = await models.mlp.infer(target, { x: new Float32Array(20) });
    expect(prediction).toMatchObject({ name: 'prediction', datatype: 'FP32', shape: [2, 1] });
    expect(prediction.values()).toEqual(Array.from(prediction.data));
    const outputs = await models.everyTypeV2.infer(target, everyType);
    for (const [name, values] of Object.entries(everyType)) {
      expect(outputs[name.replace('in_', 'out_') as keyof typeof outputs].values()).toEqual(values);
    }
    // Outputs are tensors, which another request may take.
    const again = await models.everyTypeV2.infer(
      target,
      { ...everyType, in_float16: outputs.out_float16, in_bool: outputs.out_bool, in_string: outputs.out_string },
      { outputs: ['out_string', 'out_float16'] },
    );
    expect(Object.keys(again).sort()).toEqual(['out_float16', 'out_string']);
    expect(again.out_float16.values()).toEqual([0.5, 1]);
    expect(again.out_string.values()).toEqual(['5 €', '']);
    if (target !== client) await target.close();
  });

  test.each([
    ['no list', { x: 5 }, "'x' is FP32 [-1,10]: give a typed array or a list of values, not number"],
    ['missing', {}, "'x' is missing; it is FP32 [-1,10]"],
    ['unknown', { x: [], y: [1] }, "'y' is no input; the model has 'x'"],
    ['too few', { x: [1, 2, 3] }, "'x' is FP32 [-1,10], which 3 elements do not fill"],
    ['another shape', { x: { shape: [10], data: Array(10).fill(0) } }, "'x' is FP32 [-1,10], got the shape [10]"],
    ['too many rows', { x: new Float32Array(90) }, "'x' has 9 rows; a request has 1 to 8"],
    ['text', { x: Array(10).fill('1') }, 'element 0 is no FP32: "1"'],
  ])('refuses %s before anything is sent', async (_, inputs, message) => {
    const call = models.mlp.infer({ infer: () => expect.fail('sent') }, inputs as never);
    await expect(call).rejects.toThrow(message);
    await expect(call).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  test('refuses rows that differ, and a free shape without its dimensions', async () => {
    const nobody = { infer: () => expect.fail('sent') };
    await expect(models.everyTypeV2.infer(nobody, { ...everyType, in_string: ['a', 'b', 'c', 'd'] })).rejects.toThrow(
      "'in_string' has 2 rows, 'in_bool' has 1",
    );
    await expect(models.class2.infer(nobody, { 'image data': [1, 2, 3] })).rejects.toThrow('since 3 dimensions vary');
  });

  test('a server with another model of that name is told', async () => {
    const answers = (outputs: object[]) => ({ infer: async () => ({ model: 'mlp', version: '1', outputs }) as never });
    const x = { x: new Float32Array(10) };
    const stale = { code: 'SERVER_ERROR', fix: 'write the client anew: conch client generate' };
    const other = models.mlp.infer(
      answers([{ name: 'prediction', datatype: 'FP64', shape: [1, 1], data: new Float64Array(1) }]),
      x,
    );
    await expect(other).rejects.toMatchObject(stale);
    await expect(other).rejects.toThrow("answered output 'prediction' as FP64 [1,1]; it is FP32 [-1,1] here");
    await expect(models.mlp.infer(answers([]), x)).rejects.toThrow("answered without output 'prediction'");
    const metadata = {
      name: 'mlp',
      versions: ['2'],
      platform: '',
      inputs: [{ name: 'x', datatype: 'FP16', shape: [-1, 10] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }],
    };
    await expect(models.mlp.verify({ modelMetadata: async () => metadata })).rejects.toThrow(
      "inputs: 'x' is FP16 [-1,10], not FP32 [-1,10]; outputs: 'prediction' is not there; outputs: 'y' is new, FP32 [-1]",
    );
  });

  test('a decoupled model streams its outputs', async () => {
    const stream = async function* () {
      for (const part of [0, 1]) {
        yield {
          model: 'count',
          version: '1',
          outputs: [{ name: 'PART', datatype: 'INT32' as const, shape: [1], data: Int32Array.of(part) }],
        };
      }
    };
    const parts: (number[] | undefined)[] = [];
    for await (const { PART } of models.count.stream({ stream }, { N: [2] })) parts.push(PART?.values());
    expect(parts).toEqual([[0], [1]]);
  });
});

test.skipIf(!withCurl)('the curl script runs', async () => {
  const { out } = await conch('client', 'generate', '--server', server.url, '--model', 'mlp', '--language', 'curl');
  const answer = await run('sh', ['-s', '--', server.url], out);
  expect(JSON.parse(answer)).toMatchObject({ model_name: 'mlp', outputs: [{ name: 'prediction', shape: [1, 1] }] });
});

test.skipIf(clients === undefined)('the Python program runs with the official client', async () => {
  const { out } = await conch('client', 'generate', '--server', server.url, '--language', 'python');
  const python = resolve(clients!, 'bin/python3');
  expect(existsSync(python)).toBe(true);
  const answer = await run(python, ['-', server.url.replace('http://', '')], out);
  expect(answer).toMatch(/mlp \{'prediction': array\(\[\[-?\d/);
  expect(answer).toContain("'out_float16': array([[0.5, 0.5]], dtype=float16)");
});
