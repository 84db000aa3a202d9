import { type Client, credentials, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import { connect, valuesOf } from '../src/client/index.ts';
import { describeFiles } from '../src/protocol/grpc/descriptors.ts';

// One client in a process of its own, with so many calls under way for so long. Every answer is looked at.

export interface ClientJob {
  readonly client: 'conch' | 'grpc-js';
  readonly url: string;
  readonly model: 'sum' | 'echo';
  readonly elements: number;
  readonly concurrency: number;
  readonly warmupMs: number;
  readonly ms: number;
}

type Infer = () => Promise<number>;

function conch({ url, model, elements }: ClientJob): Infer {
  const client = connect(url);
  const data = new Float32Array(elements).fill(0.5);
  const inputs = [{ name: 'x', datatype: 'FP32' as const, shape: [1, elements], data }];
  return async () => {
    const { outputs } = await client.infer({ model, inputs });
    return elements > 1000 ? (outputs[0]!.data as Float32Array)[1]! : (valuesOf(outputs[0]!)[0] as number);
  };
}

/** What Triton's own JavaScript example does, and what the wrappers on npm wrap: messages by protobuf, the way by grpc-js. */
function grpcJs({ url, model, elements }: ClientJob): Infer {
  const set = describeFiles().map(({ bytes }) => {
    const head = [0x0a];
    for (let rest = bytes.length; ; rest = Math.floor(rest / 128)) {
      head.push(rest > 127 ? (rest & 127) | 128 : rest);
      if (rest <= 127) break;
    }
    return Buffer.concat([Buffer.from(head), bytes]);
  });
  const definition = loadFileDescriptorSetFromBuffer(Buffer.concat(set), {
    keepCase: true,
    longs: Number,
    defaults: true,
  });
  const { inference } = loadPackageDefinition(definition) as never as {
    inference: { GRPCInferenceService: ServiceClientConstructor };
  };
  const client = new inference.GRPCInferenceService(url.replace('grpc://', ''), credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
  }) as Client & Record<string, (request: object, done: (error: Error | null, answer: Answer) => void) => void>;
  interface Answer {
    readonly raw_output_contents: Buffer[];
  }
  const data = new Float32Array(elements).fill(0.5);
  return () =>
    new Promise((resolve, reject) => {
      const request = {
        model_name: model,
        inputs: [{ name: 'x', datatype: 'FP32', shape: [1, elements] }],
        raw_input_contents: [Buffer.from(data.buffer)],
      };
      client.ModelInfer!(request, (error, answer) => {
        if (error) return reject(error);
        const bytes = answer.raw_output_contents[0]!;
        // Elements of a typed array, as any caller needs them.
        const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
        resolve(elements > 1000 ? values[1]! : values[0]!);
      });
    });
}

const job = JSON.parse(process.argv[2]!) as ClientJob;
const infer = job.client === 'conch' ? conch(job) : grpcJs(job);
const wanted = job.model === 'sum' ? job.elements / 2 : 0.5;
const latencies: number[] = [];
let [measuring, stopped] = [false, false];
const loop = async () => {
  while (!stopped) {
    const from = performance.now();
    const got = await infer();
    if (got !== wanted) throw new Error(`the answer is ${got}, not ${wanted}`);
    if (measuring) latencies.push(performance.now() - from);
  }
};
const loops = Array.from({ length: job.concurrency }, loop);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
await sleep(job.warmupMs);
measuring = true;
const [cpu, from] = [process.cpuUsage(), performance.now()];
await sleep(job.ms);
measuring = false;
const seconds = (performance.now() - from) / 1000;
const { user, system } = process.cpuUsage(cpu);
stopped = true;
await Promise.all(loops);
latencies.sort((a, b) => a - b);
const p50 = latencies[Math.floor(latencies.length / 2)]! * 1000;
const calls = latencies.length;
console.log(JSON.stringify({ callsPerSecond: calls / seconds, p50, cpu: (user + system) / calls }));
process.exit(0);
