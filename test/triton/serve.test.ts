import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { run } from '../../src/cli/index.ts';
import { connect } from '../../src/client/index.ts';
import { freePort } from '../free-port.ts';
import { unspaced } from './real-triton.ts';

// What scripts/fetch-triton.ts unpacked: npm run test:control.
const folder = process.env.CONCH_TRITON && unspaced(resolve(process.env.CONCH_TRITON));

const model = `import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        return [
            pb_utils.InferenceResponse([pb_utils.Tensor("y", pb_utils.get_input_tensor_by_name(one, "x").as_numpy() * 2)])
            for one in requests
        ]
`;
const config = (name: string) => `name: "${name}"
backend: "python"
max_batch_size: 4
input [ { name: "x" data_type: TYPE_FP32 dims: [ 2 ] } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ 2 ] } ]
instance_group [ { kind: KIND_CPU count: 1 } ]
`;

describe.skipIf(!folder)('conch serve --engine triton with a real tritonserver', () => {
  let models: string;
  beforeAll(async () => {
    models = await mkdtemp(join(tmpdir(), 'conch-serve-triton-'));
    for (const name of ['double', 'other']) {
      await mkdir(join(models, name, '1'), { recursive: true });
      await writeFile(join(models, name, 'config.pbtxt'), config(name));
      await writeFile(join(models, name, '1/model.py'), model);
    }
    // The Python backend runs python3 of the PATH, which needs numpy below 2.
    vi.stubEnv('PATH', `${folder}/venv/bin:${process.env.PATH}`);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(models, { recursive: true, force: true });
  });

  async function serve(argv: readonly string[], use: (url: string) => Promise<void>) {
    const stop = new AbortController();
    const [port, grpc, metrics] = [await freePort(), await freePort(), await freePort()];
    const written: string[] = [];
    let used: Promise<void> | undefined;
    const write = (text: string) => {
      written.push(text);
      if (text.includes('serves at')) used = use(`http://127.0.0.1:${port}`).finally(() => stop.abort());
    };
    const ports = ['--http-port', `${port}`, '--grpc-port', `${grpc}`, '--metrics-port', `${metrics}`];
    const code = await run(
      [
        ...['serve', models, '--engine', 'triton', '--exit-timeout-secs=5', ...ports, ...argv],
        ...['--tritonserver', join(folder!, 'pytriton/tritonserver/bin/tritonserver')],
        ...['--backend-directory', join(folder!, 'backends'), '--library-path', join(folder!, 'nvidia_pytriton.libs')],
      ],
      { stdout: { write }, stderr: { write }, signal: stop.signal },
    );
    await used;
    return { code, text: written.join('') };
  }

  test('it is started, answers, and stops well', async () => {
    const { code, text } = await serve([], async (url) => {
      const client = connect(url);
      const x = { name: 'x', datatype: 'FP32', shape: [1, 2], data: new Float32Array([1, 2]) } as const;
      const { outputs } = await client.infer({ model: 'double', inputs: [x] });
      expect([...(outputs[0]!.data as Float32Array)]).toEqual([2, 4]);
      await client.close();
    });
    expect(text).toMatch(/double +1 +READY/);
    expect(code).toBe(0);
  });

  test('in mode explicit one model is loaded', async () => {
    const flags = ['--model-control-mode=explicit', '--load-model=double'];
    const { code, text } = await serve(flags, async (url) => {
      const client = connect(url);
      expect(await client.isModelReady('double')).toBe(true);
      expect(await client.isModelReady('other')).toBe(false);
      await client.close();
    });
    expect(text).toContain('serves at');
    expect(code).toBe(0);
  });

  test('a model that fails to load ends it with its reason', async () => {
    await writeFile(join(models, 'other/1/model.py'), 'raise RuntimeError("no weights here")\n');
    const { code, text } = await serve([], async () => {});
    await writeFile(join(models, 'other/1/model.py'), model);
    expect(code).toBe(1);
    expect(text).toContain('no weights here');
    expect(text).toContain('ended before it was ready');
  });
});
