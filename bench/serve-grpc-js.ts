import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import * as ort from 'onnxruntime-node';
import { describeFiles } from '../src/protocol/grpc/descriptors.ts';
import { WireWriter } from '../src/protocol/grpc/wire-writer.ts';

// The yardstick of bench/serve-grpc.ts: a plain grpc-js server that answers ModelInfer for simple_net, with the same
// model in the same runtime, and nothing else. `node bench/serve-grpc-js.ts MODEL.onnx` prints its port.

interface InferRequest {
  model_name: string;
  id: string;
  inputs: { name: string; shape: string[] }[];
  raw_input_contents: Buffer[];
}

const files = new WireWriter();
for (const { bytes } of describeFiles()) files.data(1, bytes);
const definition = loadFileDescriptorSetFromBuffer(Buffer.from(files.bytes), { keepCase: true, defaults: true });
const { inference } = loadPackageDefinition(definition) as unknown as {
  inference: { GRPCInferenceService: { service: never } };
};
const session = await ort.InferenceSession.create(process.argv[2]!, { intraOpNumThreads: 1, interOpNumThreads: 1 });

async function infer({ request }: ServerUnaryCall<InferRequest, object>, reply: sendUnaryData<object>): Promise<void> {
  try {
    const [input] = request.inputs;
    const raw = request.raw_input_contents[0]!;
    const data = new Float32Array(Uint8Array.prototype.slice.call(raw).buffer);
    const tensor = new ort.Tensor('float32', data, input!.shape.map(Number));
    const { prediction } = await session.run({ [input!.name]: tensor });
    const { dims } = prediction!;
    const values = prediction!.data as Float32Array;
    reply(null, {
      model_name: request.model_name,
      model_version: '1',
      id: request.id,
      outputs: [{ name: 'prediction', datatype: 'FP32', shape: dims }],
      raw_output_contents: [Buffer.from(values.buffer, values.byteOffset, values.byteLength)],
    });
  } catch (error) {
    reply(error as Error);
  }
}

/** What perf_analyzer asks before it begins, and after. */
const constant = (answer: object) => (_call: unknown, reply: sendUnaryData<object>) => reply(null, answer);
const tensor = (name: string, width: number) => ({ name, datatype: 'FP32', shape: [-1, width] });
const about = {
  ServerLive: constant({ live: true }),
  ServerReady: constant({ ready: true }),
  ModelReady: constant({ ready: true }),
  ServerMetadata: constant({ name: 'grpc-js', version: '1', extensions: [] }),
  ModelMetadata: constant({
    name: 'simple_net',
    versions: ['1'],
    platform: 'onnxruntime_onnx',
    inputs: [tensor('x', 10)],
    outputs: [tensor('prediction', 1)],
  }),
  ModelConfig: constant({ config: { name: 'simple_net', platform: 'onnxruntime_onnx', max_batch_size: 64 } }),
  ModelStatistics: constant({ model_stats: [{ name: 'simple_net', version: '1', inference_stats: {} }] }),
};

const server = new Server();
server.addService(inference.GRPCInferenceService.service, { ...about, ModelInfer: infer } as never);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});
