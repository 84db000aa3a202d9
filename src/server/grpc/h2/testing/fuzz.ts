import { FakeEngine } from '../../../../../test/fake-engine.ts';
import { seeded } from '../../../../../test/random.ts';
import { createLogger } from '../../../../base/index.ts';
import { encodeModelInferRequest, frameOf } from '../../../../protocol/index.ts';
import { serveEngine } from '../../../start.ts';
import { flags, frame, numbers, preface, frameTypes as types } from '../frames.ts';
import { callBlock, RawClient } from './raw-client.ts';

const paths = ['ModelInfer', 'ModelStreamInfer', 'ModelConfig', 'ServerLive', 'RepositoryIndex', 'Nothing'];
const request = Buffer.concat(
  encodeModelInferRequest({
    model: 'sum',
    id: 'f',
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 10], data: new Float32Array(10) }],
  }),
);
const message = Buffer.concat([frameOf(request.length), request]);

export interface FuzzResult {
  readonly rounds: number;
  /** Calls that were answered within broken conversations. */
  readonly answered: number;
}

/**
 * Speaks HTTP/2 with random mistakes to a server, until `isOver`, and after each conversation makes a good call. Rejects
 * when one is not answered, or when anything is thrown where nobody catches it.
 */
export async function fuzzH2(seed: number, isOver: (rounds: number) => boolean): Promise<FuzzResult> {
  const random = seeded(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const logger = createLogger('silent');
  const server = await serveEngine(new FakeEngine(), { httpPort: 0, metricsPort: false, grpcPort: 0, logger });
  const failures: unknown[] = [];
  const onFailure = (error: unknown) => void failures.push(error);
  process.on('uncaughtException', onFailure).on('unhandledRejection', onFailure);
  let rounds = 0;
  let answered = 0;
  try {
    for (; !isOver(rounds); rounds++) {
      const client = new RawClient(server.grpcPort!);
      client.send(conversation(below));
      client.end();
      await client.untilClosed();
      answered += client.frames.filter(({ type, flags: flag }) => type === types.headers && flag & 1).length;
      await goodCall(server.grpcPort!);
      if (failures.length > 0) throw new Error(`round ${rounds} of seed ${seed}`, { cause: failures[0] });
    }
    return { rounds, answered };
  } finally {
    process.off('uncaughtException', onFailure).off('unhandledRejection', onFailure);
    await server.close();
  }
}

function conversation(below: (limit: number) => number): Buffer {
  const frames: Buffer[] = [Buffer.from(preface), frame(types.settings, 0, 0, Buffer.alloc(0))];
  for (let id = 1; id < 2 + 2 * below(6); id += 2) {
    const block = callBlock(`/inference.GRPCInferenceService/${paths[below(paths.length)]}`);
    frames.push(frame(types.headers, flags.endHeaders, id, block));
    const cut = below(message.length);
    frames.push(frame(types.data, 0, id, message.subarray(0, cut)));
    frames.push(frame(types.data, below(4) ? flags.endStream : 0, id, message.subarray(cut)));
    if (below(4) === 0) frames.push(frame(types.rstStream, 0, id, numbers(8)));
    if (below(4) === 0) frames.push(frame(types.windowUpdate, 0, id, numbers(below(2 ** 31))));
    if (below(6) === 0) frames.push(frame(types.ping, 0, 0, Buffer.alloc(8)));
    if (below(6) === 0) frames.push(frame(below(256), below(256), below(8), Buffer.alloc(below(30), below(256))));
  }
  if (below(3) === 0) frames.splice(below(frames.length), 1);
  if (below(3) === 0) frames.splice(below(frames.length), 0, frames[below(frames.length)]!);
  const bytes = Buffer.concat(frames);
  for (let edits = below(5); edits > 0; edits--) bytes[below(bytes.length)] = below(256);
  return below(5) === 0 ? bytes.subarray(0, below(bytes.length)) : bytes;
}

async function goodCall(port: number): Promise<void> {
  const client = RawClient.begin(port);
  const block = callBlock('/inference.GRPCInferenceService/ModelInfer');
  client.send(frame(types.headers, flags.endHeaders, 1, block), frame(types.data, flags.endStream, 1, message));
  await client.until(({ stream, type, flags: flag }) => stream === 1 && type === types.headers && (flag & 1) !== 0);
  const { 'grpc-status': status } = client.headersOf(1);
  client.destroy();
  if (status !== '0') throw new Error(`a good call got status ${status}`);
}
