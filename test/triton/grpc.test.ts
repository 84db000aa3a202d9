import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConchError, createLogger } from '../../src/base/index.ts';
import { type Backend, Engine } from '../../src/engine/index.ts';
import type { MessageValue } from '../../src/protocol/index.ts';
import { serveEngine } from '../../src/server/index.ts';
import { GrpcClient, methodOf, type Outcome } from '../grpc-client.ts';
import { streamCases, unaryCases } from './grpc-cases.ts';
import { RealTriton } from './real-triton.ts';

// The same gRPC calls to a real Triton and to the embedded server: status, messages, tensors. `npm run test:grpc`
// unpacks the real one and sets CONCH_TRITON.
const triton = process.env.CONCH_TRITON;

const tensors = `max_batch_size: 4
  input { name: "x" data_type: TYPE_FP32 dims: [ -1 ] }
  output { name: "y" data_type: TYPE_FP32 dims: [ -1 ] }`;
const model = (body: string) => `import numpy as np
import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
${body}
`;
const files: Readonly<Record<string, string>> = {
  'echo/config.pbtxt': `backend: "python" ${tensors}`,
  'echo/1/model.py':
    model(`        tensors = [pb_utils.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        return [pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor("y", one)]) for one in tensors]`),
  'fails/config.pbtxt': `backend: "python" ${tensors}`,
  'fails/1/model.py': model(
    `        return [pb_utils.InferenceResponse(error=pb_utils.TritonError("on purpose")) for _ in requests]`,
  ),
  'repeat/config.pbtxt': `backend: "python" ${tensors} model_transaction_policy { decoupled: true }`,
  'repeat/1/model.py': model(`        for request in requests:
            sender = request.get_response_sender()
            count = int(pb_utils.get_input_tensor_by_name(request, "x").as_numpy()[0][0])
            for index in range(count):
                tensor = pb_utils.Tensor("y", np.array([[index]], dtype=np.float32))
                sender.send(pb_utils.InferenceResponse(output_tensors=[tensor]))
            sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
        return None`),
};

/** Does what the files above do. */
const python: Backend = {
  async load({ name }) {
    const none = { computeInput: 0, computeInfer: 0, computeOutput: 0 };
    return {
      facts: { instances: 1, concurrency: 1, inline: true, padded: false },
      createInstance: async () => ({
        run: async ({ requests, emit }) => {
          if (name === 'fails') {
            return { ...none, responses: requests.map(() => new ConchError('EXECUTION_FAILED', 'on purpose')) };
          }
          if (name === 'echo') {
            return { ...none, responses: requests.map(({ inputs: [x] }) => ({ outputs: [{ ...x!, name: 'y' }] })) };
          }
          requests.forEach(({ inputs: [x] }, place) => {
            for (let index = 0; index < Number(x!.data[0]); index++) {
              const y = { name: 'y', datatype: 'FP32', shape: [1, 1], data: Float32Array.of(index) } as const;
              emit!(place, { response: { outputs: [y] }, final: false });
            }
            emit!(place, { response: undefined, final: true });
          });
          return { ...none, responses: requests.map(() => undefined) };
        },
        close: async () => {},
      }),
      close: async () => {},
    };
  },
};

describe.skipIf(triton === undefined)('a real Triton and the embedded server', () => {
  const root = mkdtempSync(join(tmpdir(), 'conch-grpc-'));
  let real: RealTriton;
  let theirs: GrpcClient;
  let ours: GrpcClient;
  let close: () => Promise<unknown>;
  beforeAll(async () => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, 'real', path)), { recursive: true });
      writeFileSync(join(root, 'real', path), text);
    }
    cpSync(join(root, 'real'), join(root, 'ours'), { recursive: true });
    real = await RealTriton.start(triton!, join(root, 'real'));
    for (const name of ['echo', 'fails', 'repeat']) expect((await real.load(name)).status).toBe(200);
    const engine = Engine.create({
      repository: join(root, 'ours'),
      modelControlMode: 'explicit',
      models: ['echo', 'fails', 'repeat'],
      backends: { python },
    });
    const logger = createLogger('silent');
    const server = await serveEngine(engine, { httpPort: 0, metricsPort: false, grpcPort: 0, logger });
    theirs = new GrpcClient(real.grpcPort);
    ours = new GrpcClient(server.grpcPort!);
    close = server.close;
  }, 120_000);
  afterAll(async () => {
    theirs?.close();
    ours?.close();
    await close?.();
    await real?.stop();
    rmSync(root, { recursive: true, force: true });
  });

  test.each(unaryCases)('$method: $name', async ({ method, request, newer }) => {
    const bytes = request instanceof Uint8Array ? request : methodOf(method).request.encode(request);
    const [expected, got] = await Promise.all([theirs.send(method, bytes), ours.send(method, bytes)]);
    if (newer) {
      expect(got.code).toBe(newer.code);
      expect(expected.code, 'the real one does as newer ones do: no longer an exception').not.toBe(newer.code);
    } else expect(outline(got, method)).toEqual(outline(expected, method));
  });

  test.each(streamCases)('stream: $name', async ({ requests, metadata = {} }) => {
    const [expected, got] = await Promise.all(
      [theirs, ours].map((client) => {
        const stream = client.stream({ ...metadata });
        for (const request of requests) stream.write(request);
        return stream.end();
      }),
    );
    expect(outline(got!, 'stream')).toEqual(outline(expected!, 'stream'));
  });
});

/** What both must agree on: words are each server's own. */
function outline({ code, messages }: Outcome, method: string): object {
  return { code, messages: messages.map((message) => plain(message, method)) };
}

function plain(message: MessageValue, method: string): unknown {
  const copy = { ...message };
  if (copy.error_message !== undefined) copy.error_message = '(words)';
  // What a server adds to a configuration is compared elsewhere (differential.ts).
  if (method === 'ModelConfig') {
    const { name, input, output, max_batch_size } = copy.config as MessageValue;
    return { name, input, output, max_batch_size };
  }
  return copy;
}
