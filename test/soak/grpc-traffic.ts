import type { MessageValue } from '../../src/protocol/index.ts';
import { type Inputs, judgeCode, numbers, type Outcome, type Sender, same } from './target.ts';

const float32 = (values: readonly number[]) => Buffer.from(Float32Array.from(values).buffer);

/** A ModelInferRequest of FP32 and INT32 tensors, as bytes. */
export function message(model: string, inputs: Inputs, rows: number, more: object = {}) {
  return {
    model_name: model,
    inputs: inputs.map(([name, datatype, data]) => ({ name, datatype, shape: [rows, data.length / rows] })),
    raw_input_contents: inputs.map(([, , data]) => float32(data)),
    ...more,
  };
}

/** The first output of a ModelInferResponse, which is FP32 or INT32. */
export function firstRaw(response: MessageValue): number[] {
  const { outputs, raw_output_contents: raw } = response as unknown as {
    readonly outputs: readonly { readonly datatype: string }[];
    readonly raw_output_contents: readonly Uint8Array[];
  };
  const bytes = new Uint8Array(raw[0]!).buffer;
  return [...(outputs[0]!.datatype === 'FP32' ? new Float32Array(bytes) : new Int32Array(bytes))];
}

const unary: Sender = async ({ grpc }, random) => {
  const rows = 1 + Math.floor(random() * 8);
  const [a, b] = [numbers(4 * rows, random), numbers(4 * rows, random)];
  const inputs = [
    ['a', 'FP32', a],
    ['b', 'FP32', b],
  ] as const;
  const outcome = await grpc.call('ModelInfer', message('add', inputs, rows, { id: `${a[0]}` }));
  if (outcome.code !== 0) return judgeCode(outcome);
  const [answer] = outcome.messages;
  const sums = a.map((value, index) => value + b[index]!);
  if (answer!.id === `${a[0]}` && same(firstRaw(answer!), sums)) return 'ok';
  throw new Error(`wrong answer: ${firstRaw(answer!)} instead of ${sums}`);
};

/** A call that is taken back before it has its answer. */
const cancel: Sender = async ({ grpc }, random) => {
  const { call, outcome, write } = grpc.stream();
  write(message('add', [['a', 'FP32', numbers(4, random)]], 1));
  write(message('flow', [['x', 'FP32', numbers(4, random)]], 1));
  setImmediate(() => call.cancel());
  const { code, details } = await outcome;
  return code === 1 ? 'gone' : judgeCode({ code, details });
};

interface StreamAnswer {
  readonly error_message: string;
  readonly infer_response: MessageValue & { readonly id: string; readonly outputs?: readonly unknown[] };
}

/**
 * Requests of a batching, an ensemble and a decoupled model on one stream. Each is answered under its id: by what it must
 * be, in order, or by an error.
 */
const stream: Sender = async ({ grpc }, random) => {
  const { write, end } = grpc.stream();
  const expected = new Map<string, number[][]>();
  const got = new Map<string, number[][]>();
  for (let index = 0; index < 6; index += 1) {
    const id = `${index}`;
    const kind = Math.floor(random() * 3);
    if (kind === 2) {
      const values = numbers(1 + Math.floor(random() * 6), random);
      expected.set(
        id,
        values.map((value) => [value]),
      );
      write(repeated(id, values));
    } else {
      const x = numbers(4, random);
      const flow = kind === 1;
      expected.set(id, [x.map((value) => (flow ? 4 : 2) * value)]);
      const inputs: Inputs = flow ? [['x', 'FP32', x]] : [...'ab'].map((name) => [name, 'FP32', x] as const);
      write(message(flow ? 'flow' : 'add', inputs, 1, { id }));
    }
  }
  const { messages, ...outcome } = await end();
  if (outcome.code !== 0) return judgeCode(outcome);
  let worst: Outcome = 'ok';
  for (const answer of messages as unknown as StreamAnswer[]) {
    const { id } = answer.infer_response ?? { id: '' };
    if (answer.error_message) {
      expected.delete(id);
      worst = 'gRPC 13';
    } else if (answer.infer_response.outputs?.length) {
      got.set(id, [...(got.get(id) ?? []), firstRaw(answer.infer_response)]);
    }
  }
  for (const [id, values] of expected) {
    if (JSON.stringify(got.get(id)) === JSON.stringify(values)) continue;
    throw new Error(`request ${id}: ${JSON.stringify(got.get(id))} instead of ${JSON.stringify(values)}`);
  }
  return worst;
};

/** The request of the repeat model. */
function repeated(id: string, values: readonly number[]) {
  const int32 = (data: readonly number[]) => Buffer.from(Int32Array.from(data).buffer);
  return {
    id,
    model_name: 'repeat',
    inputs: [
      { name: 'IN', datatype: 'INT32', shape: [values.length] },
      { name: 'DELAY', datatype: 'UINT32', shape: [values.length] },
      { name: 'WAIT', datatype: 'UINT32', shape: [1] },
    ],
    raw_input_contents: [int32(values), int32(values.map(() => 0)), int32([0])],
  };
}

export const grpcSenders = { unary, stream, cancel };
