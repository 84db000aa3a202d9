import { ConchError, toConchError } from '../../base/index.ts';
import { bytesOf, type Datatype, decodeStrings } from '../../tensor/index.ts';
import { type EncodedBatch, readTokenizer, type TextTokenizer } from '../../text/index.ts';
import type { Backend, BackendInstance, BackendResponse, BatchRequest, LoadedModel, ModelSource } from '../backend.ts';
import { integerParameter } from '../parameters.ts';
import { type DeclaredTensor, declaredInputs, declaredOutputs, maxBatchSizeOf } from '../tensors.ts';

/** The second input of a tokenizer that takes two texts, which a request may leave out. */
const pairInput = 'text_pair';
const encodings = ['input_ids', 'attention_mask', 'token_type_ids'] as const satisfies readonly (keyof EncodedBatch)[];
type Encoding = (typeof encodings)[number];

/**
 * The tokenizers that conch compiles: `backend: "python"` with a model.py for Triton, marked by the parameter
 * `conch.backend` = `tokenizer` and run natively here, on the event loop. Each request is encoded by itself, padded to
 * its own longest text, so that what a text becomes never hangs on its neighbours.
 */
export const tokenizerBackend: Backend = {
  async load(source: ModelSource): Promise<LoadedModel> {
    const { config, dir } = source;
    const [input, pair, ...more] = declaredInputs(config);
    const isPair = !pair || (pair.name === pairInput && pair.datatype === 'BYTES');
    if (!input || more.length > 0 || input.datatype !== 'BYTES' || !isPair) {
      throw misfit('input', `a tokenizer takes one input of TYPE_STRING, and perhaps '${pairInput}'`);
    }
    for (const output of declaredOutputs(config)) checkOutput(output);
    const maxLength = integerParameter(config, 'max_length', 1e9);
    const tokenizer = await readTokenizer(dir, maxLength === undefined ? {} : { maxLength });
    return {
      facts: { instances: 1, concurrency: 1, inline: true, padded: false },
      createInstance: async () => tokenizerInstance(tokenizer, maxBatchSizeOf(config) > 0),
      close: async () => {},
    };
  },
};

function checkOutput(output: DeclaredTensor): void {
  const known: readonly string[] = encodings;
  if (!known.includes(output.name)) {
    throw misfit(
      `output["${output.name}"]`,
      `a tokenizer has no output '${output.name}'; it has ${known.map((name) => `'${name}'`).join(', ')}`,
    );
  }
  const integer: Datatype = 'INT64';
  if (output.datatype !== integer) {
    throw misfit(
      `output["${output.name}"]`,
      `a tokenizer's output '${output.name}' is TYPE_INT64, the config says TYPE_${output.datatype}`,
    );
  }
}

function tokenizerInstance(tokenizer: TextTokenizer, batched: boolean): BackendInstance {
  return {
    async run({ requests }) {
      const start = performance.now();
      const responses = requests.map((request) => {
        try {
          return encode(tokenizer, batched, request);
        } catch (thrown) {
          return toConchError(thrown, 'EXECUTION_FAILED');
        }
      });
      return { responses, computeInput: 0, computeInfer: (performance.now() - start) * 1e6, computeOutput: 0 };
    },
    close: async () => {},
  };
}

/** Without a batch dimension, which only a single text makes sense for, the outputs are flat; model.py does the same. */
function encode(tokenizer: TextTokenizer, batched: boolean, { inputs, outputs }: BatchRequest): BackendResponse {
  const [texts, pairs] = [false, true].map((isPair) => {
    const input = inputs.find(({ name }) => (name === pairInput) === isPair);
    return input && decodeStrings(bytesOf(input));
  });
  const encoded = tokenizer.encodeBatch(texts!, pairs);
  const shape = batched ? [encoded.batch, encoded.length] : [encoded.batch * encoded.length];
  return { outputs: outputs.map((name) => ({ name, datatype: 'INT64', shape, data: encoded[name as Encoding] })) };
}

function misfit(path: string, message: string): ConchError {
  return new ConchError('MODEL_LOAD_FAILED', message, { where: { path } });
}
