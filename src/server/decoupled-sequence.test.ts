import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { GrpcClient } from '../../test/grpc-client.ts';
import { createLogger } from '../base/index.ts';
import { startServer } from './index.ts';

/** Says as often as it is told which request of its sequence this is. */
const modelPy = `import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        self.seen = {}

    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            id, flags = request.correlation_id(), request.flags()
            start = pb_utils.get_input_tensor_by_name(request, "START").as_numpy().ravel()[0]
            self.seen[id] = 1 if start else self.seen[id] + 1
            for index in range(int(request.inputs()[0].as_numpy().ravel()[0])):
                text = f"{id} {flags} {self.seen[id]} {index}"
                sender.send(pb_utils.InferenceResponse([pb_utils.Tensor("y", np.array([[text]], dtype=object))]))
            sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
        return None
`;
const config = `backend: "python" max_batch_size: 4
input { name: "x" data_type: TYPE_INT32 dims: [ 1 ] } output { name: "y" data_type: TYPE_STRING dims: [ 1 ] }
instance_group { count: 1 kind: KIND_CPU }
model_transaction_policy { decoupled: true }
sequence_batching { max_sequence_idle_microseconds: 60000000 oldest { max_candidate_sequences: 4 }
  control_input { name: "START" control { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] } } }`;

interface StreamAnswer {
  readonly error_message: string;
  readonly infer_response: { readonly id: string; readonly raw_output_contents?: readonly Uint8Array[] };
}

test.runIf(process.env.CONCH_PYTHON)(
  'sequences of a decoupled model answer any number of times, each for itself',
  { timeout: 30_000 },
  async () => {
    const root = mkdtempSync(join(tmpdir(), 'conch-decoupled-'));
    onTestFinished(() => rmSync(root, { recursive: true }));
    mkdirSync(join(root, 'm/1'), { recursive: true });
    writeFileSync(join(root, 'm/config.pbtxt'), config);
    writeFileSync(join(root, 'm/1/model.py'), modelPy);
    const logger = createLogger('silent');
    const server = await startServer({ repository: root, httpPort: 0, grpcPort: 0, metricsPort: false, logger });
    onTestFinished(async () => void (await server.close()));
    const grpc = new GrpcClient(server.grpcPort!);
    onTestFinished(() => grpc.close());

    const stream = grpc.stream();
    let expected = 0;
    /** Sends a request, and waits for as many answers as it asks for, or for its error. */
    const ask = async (id: bigint, answers: number, flags: string) => {
      stream.write({
        model_name: 'm',
        id: `${id}`,
        parameters: {
          sequence_id: { int64_param: id },
          sequence_start: { bool_param: flags.includes('(') },
          sequence_end: { bool_param: flags.includes(')') },
        },
        inputs: [{ name: 'x', datatype: 'INT32', shape: [1, 1] }],
        raw_input_contents: [Buffer.from(Int32Array.of(answers).buffer)],
      });
      expected += answers;
      await stream.until(expected);
    };
    await ask(5n, 2, '(');
    await ask(6n, 1, '(');
    await ask(5n, 0, '');
    await ask(7n, 1, '');
    await ask(5n, 3, ')');
    await ask(6n, 1, ')');
    await ask(8n, 2, '()');
    await ask(5n, 1, '');
    const { code, messages } = await stream.end();
    const said = (messages as unknown as StreamAnswer[]).map(({ error_message: error, infer_response: response }) => {
      const text = Buffer.from(response.raw_output_contents?.[0] ?? []).toString('latin1', 4);
      return error ? `${response.id}: an error` : text;
    });
    expect(code).toBe(0);
    expect(said).toEqual([
      '5 1 1 0',
      '5 1 1 1',
      '6 1 1 0',
      '7: an error',
      '5 2 3 0',
      '5 2 3 1',
      '5 2 3 2',
      '6 2 2 0',
      '8 3 1 0',
      '8 3 1 1',
      '5: an error',
    ]);
  },
);
