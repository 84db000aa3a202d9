import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, SharedRegion, type TritonClient, tensorOf, valuesOf } from '../../src/client/index.ts';
import { RealTriton } from './real-triton.ts';

// The client against a real Triton, over both wires. `npm run test:grpc` unpacks it; CONCH_TRITON names the folder.
const triton = process.env.CONCH_TRITON;

const head = `import numpy as np
import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
`;
const files: Readonly<Record<string, string>> = {
  'echo/config.pbtxt': `backend: "python" max_batch_size: 4
    input { name: "x" data_type: TYPE_FP32 dims: [ -1 ] } input { name: "t" data_type: TYPE_STRING dims: [ 1 ] }
    output { name: "x_out" data_type: TYPE_FP32 dims: [ -1 ] } output { name: "t_out" data_type: TYPE_STRING dims: [ 1 ] }`,
  'echo/1/model.py': `${head}        return [pb_utils.InferenceResponse(output_tensors=[
            pb_utils.Tensor(name + "_out", pb_utils.get_input_tensor_by_name(request, name).as_numpy())
            for name in ("x", "t")]) for request in requests]
`,
  'repeat/config.pbtxt': `backend: "python" model_transaction_policy { decoupled: true }
    input { name: "n" data_type: TYPE_INT32 dims: [ 1 ] } output { name: "y" data_type: TYPE_INT32 dims: [ 1 ] }`,
  'repeat/1/model.py': `${head}        for request in requests:
            sender = request.get_response_sender()
            for index in range(int(pb_utils.get_input_tensor_by_name(request, "n").as_numpy()[0])):
                sender.send(pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor("y", np.array([index], dtype=np.int32))]))
            sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
`,
};

describe.skipIf(triton === undefined)('the client and a real Triton', () => {
  const root = mkdtempSync(join(tmpdir(), 'conch-client-triton-'));
  let real: RealTriton;
  beforeAll(async () => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    // This release shares memory with clients without being asked; newer ones need --allow-client-shm=true.
    real = await RealTriton.start(triton!, root);
  }, 120_000);
  afterAll(async () => {
    await real?.stop();
    rmSync(root, { recursive: true, force: true });
  });

  describe.each(['http', 'grpc'] as const)('over %s', (scheme) => {
    let client: TritonClient;
    beforeAll(() => {
      client = connect(scheme === 'http' ? real.url : `grpc://127.0.0.1:${real.grpcPort}`);
    });
    afterAll(() => client?.close());
    const x = tensorOf('x', 'FP32', [1, 3], [0.5, -1, 2]);
    const t = tensorOf('t', 'BYTES', [1, 1], ['5 €']);

    test('loads, infers, and unloads', async () => {
      await client.loadModel('echo');
      await client.loadModel('repeat');
      expect(await client.isModelReady('echo')).toBe(true);
      const { outputs } = await client.infer({ model: 'echo', inputs: [x, t] });
      expect(Object.fromEntries(outputs.map((one) => [one.name, valuesOf(one)]))).toEqual({
        x_out: [0.5, -1, 2],
        t_out: ['5 €'],
      });
      await expect(client.infer({ model: 'none', inputs: [x] })).rejects.toMatchObject({
        code: 'SERVER_ERROR',
        status: 'NOT_FOUND',
      });
      await expect(client.infer({ model: 'echo', inputs: [x] })).rejects.toMatchObject({ status: 'INVALID_ARG' });
    });

    test('streams a decoupled model', async () => {
      const got: (number | bigint | boolean | string)[] = [];
      for await (const { outputs } of client.stream({ model: 'repeat', inputs: [tensorOf('n', 'INT32', [1], [3])] })) {
        for (const one of outputs) got.push(...valuesOf(one));
      }
      expect(got).toEqual([0, 1, 2]);
    });

    test('compressed both ways', async () => {
      const url = scheme === 'http' ? real.url : `grpc://127.0.0.1:${real.grpcPort}`;
      const packed = connect(url, { requestCompression: 'gzip', responseCompression: true });
      const long = tensorOf('x', 'FP32', [1, 5000], new Float32Array(5000).fill(0.25));
      const { outputs } = await packed.infer({ model: 'echo', inputs: [long, t], outputs: [{ name: 'x_out' }] });
      expect(outputs[0]!.data).toEqual(long.data);
      await packed.close();
    });

    test('shares memory', async () => {
      using region = SharedRegion.create(`triton-${scheme}`, 4096);
      await client.systemSharedMemory.register(region.name, region);
      const inputs = [region.write(x), region.write(t)];
      const { sharedOutputs = [], outputs } = await client.infer({
        model: 'echo',
        inputs,
        outputs: [region.place('x_out', 64), region.place('t_out', 64)],
      });
      expect(outputs).toEqual([]);
      expect(sharedOutputs.map((one) => valuesOf(region.read(one)))).toEqual([[0.5, -1, 2], ['5 €']]);
      await client.systemSharedMemory.unregister(region.name);
      expect(await client.systemSharedMemory.status()).toEqual([]);
    });
  });
});
