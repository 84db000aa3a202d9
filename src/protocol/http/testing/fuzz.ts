import { deflateSync, gzipSync } from 'node:zlib';
import { type Random, seededIntegers } from '../../../../test/random.ts';
import { ConchError, type ErrorCode } from '../../../base/index.ts';
import { datatypes, elementCount } from '../../../tensor/index.ts';
import { decodeInferRequest, decodeInferResponse, decompress, type InferenceRequest } from '../../index.ts';

/** How often each outcome came: `accepted`, or an error's code. */
export type Outcomes = ReadonlyMap<string, number>;

const bodies = [
  '{"id":"a","inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[[0.1,-2e3,NaN]]}],"outputs":[{"name":"y"}]}',
  '{"inputs":[{"name":"t","shape":[2],"datatype":"BYTES","data":["a\\u20ac\\n","b"]},{"name":"m","shape":[1],"datatype":"BOOL","data":[true]}]}',
  '{"inputs":[{"datatype":"INT64","data":[9007199254740993,-1],"shape":[2],"name":"i"}],"parameters":{"sequence_id":"s","priority":1,"k":0.5}}',
  '{"inputs":[{"name":"x","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8}}],"parameters":{"binary_data_output":true}}\0\0\0\0\0\0\0\0',
  '{"inputs":[{"name":"x","shape":[4],"datatype":"UINT8","parameters":{"binary_data_size":4}}],"outputs":[{"name":"y","parameters":{"binary_data":true,"classification":2}}]}abcd',
];
const tokens = [
  ...['{', '}', '[', ']', ',', ':', '"', '\\', '\\u0000', '\\ud800', '-', '0', '1e400', '1e-400', '.5', '0x1', 'NaN'],
  ...['-Infinity', 'true', 'null', '99999999999999999999', '-1', '"__proto__":{}', '"shape":[4294967296,4294967296]'],
  ...['"datatype":"FP16"', '"binary_data_size":4', '"shared_memory_region":"r"', '"triton_x":1', '\xff', '\0', ' '],
  '['.repeat(200),
];
const allowed = new Set<ErrorCode>(['REQUEST_MALFORMED', 'REQUEST_INVALID', 'REQUEST_TOO_LARGE']);

function mutate(random: Random): Buffer {
  let text = bodies[random(bodies.length)]!;
  for (let edits = random(4); edits >= 0; edits--) {
    const at = random(text.length + 1);
    const to = Math.min(text.length, at + random(8));
    const token = tokens[random(tokens.length)]!;
    switch (random(6)) {
      case 0:
        text = text.slice(0, at) + token + text.slice(at);
        break;
      case 1:
        text = text.slice(0, at) + token + text.slice(to);
        break;
      case 2:
        text = text.slice(0, at) + text.slice(to);
        break;
      case 3:
        text = text.slice(0, at);
        break;
      case 4:
        text = text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1);
        break;
      case 5: {
        const other = bodies[random(bodies.length)]!;
        const start = random(other.length);
        text = text.slice(0, at) + other.slice(start, start + random(60)) + text.slice(at);
        break;
      }
    }
  }
  return Buffer.from(text, 'latin1');
}

/** What holds for every request that passes, whatever bytes it came from. */
function checkRequest({ inputs, outputs, parameters }: InferenceRequest): void {
  for (const { name, datatype, shape, data } of inputs) {
    if (typeof name !== 'string' || !(datatype in datatypes)) throw new Error(`input ${name} of ${datatype}`);
    const fits = datatype === 'BYTES' || data.length === elementCount(shape);
    if (!fits) throw new Error(`${data.length} elements of shape [${shape}]`);
  }
  for (const output of outputs ?? []) if (typeof output.name !== 'string') throw new Error('an output without name');
  for (const value of Object.values(parameters ?? {})) {
    if (typeof value === 'object' || value === undefined) throw new Error(`a parameter that is ${value}`);
  }
}

/** Bodies of POST .../infer with every kind of damage. Throws for one that ends in anything but a request or a proper error. */
export function fuzzRequests(seed: number, until: (round: number) => boolean): Outcomes {
  const random = seededIntegers(seed);
  const outcomes = new Map<string, number>();
  for (let round = 0; !until(round); round++) {
    const body = mutate(random);
    const brace = body.lastIndexOf(0x7d) + 1;
    const headerLength = [undefined, brace, random(body.length + 3)][random(3)];
    let outcome = 'accepted';
    try {
      const signature = { batching: true, inputs: [{ name: 'x', datatype: 'FP32' as const, dims: [-1] }] };
      const options = { maxInputBytes: 100_000, rawSignature: () => signature };
      checkRequest(decodeInferRequest(body, headerLength, { model: 'm' }, options));
    } catch (error) {
      if (!(error instanceof ConchError) || !allowed.has(error.code)) {
        throw new Error(
          `seed ${seed}, round ${round}: ${JSON.stringify(body.toString('latin1'))} with header ${headerLength}`,
          {
            cause: error,
          },
        );
      }
      outcome = error.code;
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  return outcomes;
}

const goodAnswer =
  '{"model_name":"m","model_version":"1","outputs":[{"name":"y","datatype":"FP32","shape":[2],"data":[0.5,1.0]},{"name":"z","datatype":"INT8","shape":[2],"parameters":{"binary_data_size":2}}]}ab';

/** The same for what servers answer, read by a client. */
export function fuzzResponses(seed: number, until: (round: number) => boolean): void {
  const random = seededIntegers(seed);
  for (let round = 0; !until(round); round++) {
    const at = random(goodAnswer.length);
    const text = goodAnswer.slice(0, at) + tokens[random(tokens.length)] + goodAnswer.slice(at + random(6));
    const body = Buffer.from(text, 'latin1');
    try {
      decodeInferResponse(body, [undefined, Math.max(0, body.length - 2), random(body.length + 2)][random(3)]);
    } catch (error) {
      if (!(error instanceof ConchError) || error.code !== 'SERVER_ERROR') {
        throw new Error(`seed ${seed}, round ${round}: ${JSON.stringify(text)}`, { cause: error });
      }
    }
  }
}

const unpackedLimit = 50_000;

/** Compressed bodies, whole, broken, and such that unpack to far more than they are. */
export async function fuzzCompression(seed: number, until: (round: number) => boolean): Promise<Outcomes> {
  const random = seededIntegers(seed);
  const outcomes = new Map<string, number>();
  for (let round = 0; !until(round); round++) {
    // The longest is a bomb: 1,000 times its size.
    const plain = Buffer.alloc([10, 1000, unpackedLimit, unpackedLimit + 1, 2_000_000][random(5)]!, random(256));
    const coding = random(2) === 0 ? ('gzip' as const) : ('deflate' as const);
    const packed = coding === 'gzip' ? gzipSync(plain, { level: 1 + random(9) }) : deflateSync(plain);
    const broken = random(2) === 0;
    for (let edits = broken ? 1 + random(3) : 0; edits > 0; edits--) packed[random(packed.length)] = random(256);
    const body = broken && random(3) === 0 ? packed.subarray(0, random(packed.length)) : packed;
    let outcome = 'accepted';
    try {
      const unpacked = await decompress(body, coding, unpackedLimit);
      if (unpacked.length > unpackedLimit) throw new Error(`${unpacked.length} bytes`);
      if (!broken && !plain.equals(unpacked)) throw new Error('not what was packed');
    } catch (error) {
      if (!(error instanceof ConchError) || !allowed.has(error.code)) {
        throw new Error(`seed ${seed}, round ${round}: ${coding} ${body.toString('base64')}`, { cause: error });
      }
      if (!broken && plain.length <= unpackedLimit) throw error;
      outcome = error.code;
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  return outcomes;
}
