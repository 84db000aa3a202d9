import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import { ConchError, type Logger, toConchError } from '../base/index.ts';
import { dimsOf, type ModelConfig, type ModelWarmup, type ModelWarmup_Input } from '../config/index.ts';
import { type Datatype, datatypeFromConfig, datatypes, elementCount, type Tensor, viewBytes } from '../tensor/index.ts';
import type { Admission } from './admission.ts';
import type { BackendEvent, BackendInstance, Batch, BatchResult } from './backend.ts';
import { readInside } from './inside.ts';
import { zeroTensor } from './zero.ts';

/** A run that an instance makes before it takes requests. */
export interface WarmupSample {
  readonly name: string;
  readonly batch: Batch;
  readonly rounds: number;
  /** Written in the config: its failure fails the load. Our own samples are guesses, and may not suit the model. */
  readonly configured: boolean;
}

/** Elements of an input above which we do not warm up unasked. */
const largestGuess = 2 ** 24;

/**
 * The samples of `model_warmup`, each of `batch_size` like requests that run as one batch; without any, one request of
 * zeros in the smallest shapes that the config allows, so that no client pays for what a first run sets up.
 * `extra` are inputs that clients do not send (of sequence models); a sample may have others in their place. Throws
 * MODEL_LOAD_FAILED when a configured sample is incomplete or does not fit the model.
 */
export async function warmupSamples(
  config: ModelConfig,
  modelDir: string,
  admission: Admission,
  extra: readonly Tensor[] = [],
): Promise<WarmupSample[]> {
  const configured = config.model_warmup ?? [];
  if (configured.length === 0) return smallestSamples(admission, extra);
  const samples: WarmupSample[] = [];
  for (const [index, sample] of configured.entries()) {
    const rows = sample.batch_size ?? 0;
    if (rows === 0) continue;
    const name = sample.name || `${index}`;
    const inputs = await sampleInputs(sample, name, modelDir, admission);
    samples.push({
      name,
      batch: sampleBatch(inputs, rows, name, admission, extra),
      rounds: Math.max(1, sample.count ?? 1),
      configured: true,
    });
  }
  return samples;
}

/** Runs all samples on one instance. */
export async function warmUp(
  instance: BackendInstance,
  samples: readonly WarmupSample[],
  model: string,
  decoupled: boolean,
  logger: Logger,
): Promise<void> {
  for (const { name, batch, rounds, configured } of samples) {
    try {
      for (let round = 0; round < rounds; round++) {
        const responses = decoupled ? await answersTo(instance, batch) : (await instance.run(batch)).responses;
        const failed = responses.find((response) => response instanceof ConchError);
        if (failed) throw failed;
      }
    } catch (thrown) {
      const { message } = toConchError(thrown);
      if (configured) throw refuse(name, `the run failed: ${message}`, thrown);
      logger.debug(
        { model, reason: message },
        'a warm-up run with zeros failed; add model_warmup to the config to choose the data',
      );
    }
  }
}

/** Everything that a decoupled model says to a batch, up to the final response to each request. */
async function answersTo(instance: BackendInstance, batch: Batch): Promise<BatchResult['responses']> {
  const said: BatchResult['responses'][number][] = [];
  const open = new Set(batch.requests.keys());
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const emit = (index: number, { response, final }: BackendEvent): void => {
    if (!open.has(index)) return;
    said.push(response);
    if (final) open.delete(index);
    if (open.size === 0) resolve();
  };
  const { responses, rescheduled } = await instance.run({ ...batch, emit });
  responses.forEach((response, index) => {
    if (response || rescheduled?.has(index)) emit(index, { response, final: true });
  });
  await over;
  return said;
}

function smallestSamples(admission: Admission, extra: readonly Tensor[]): WarmupSample[] {
  const batched = admission.maxBatchSize > 0;
  const described = admission.inputs
    .filter((input) => !input.optional)
    .map(({ name, datatype, modelDims }) => {
      const dims = modelDims.map((dim) => (dim === -1 ? 1 : dim));
      return { name, datatype, shape: batched ? [1, ...dims] : dims };
    });
  if (described.some(({ shape }) => elementCount(shape) > largestGuess)) return [];
  const inputs = [...described.map(zeroTensor), ...extra];
  const outputs = admission.outputs.map((output) => output.name);
  return [
    {
      name: 'zeros',
      batch: { requests: [{ inputs, rows: 1, outputs, context: {} }], rows: 1 },
      rounds: 1,
      configured: false,
    },
  ];
}

function sampleBatch(
  inputs: readonly Tensor[],
  rows: number,
  name: string,
  admission: Admission,
  extra: readonly Tensor[],
): Batch {
  const limit = Math.max(1, admission.maxBatchSize);
  // Triton runs such a sample or crashes on it, by chance.
  if (rows > limit) throw refuse(name, `batch_size ${rows} exceeds the model's ${limit}`);
  try {
    const isExtra = ({ name }: Tensor): boolean => extra.some((one) => one.name === name);
    const own = inputs.filter((input) => !isExtra(input));
    const admitted = admission.admit({ model: '', id: `warm-up ${name}`, inputs: own });
    const rest = extra.map((one) => inputs.find((input) => input.name === one.name) ?? one);
    const request = { ...admitted, inputs: [...admitted.inputs, ...rest] };
    return { requests: Array.from({ length: rows }, () => request), rows };
  } catch (thrown) {
    throw refuse(name, toConchError(thrown).message, thrown);
  }
}

async function sampleInputs(
  sample: ModelWarmup,
  name: string,
  modelDir: string,
  admission: Admission,
): Promise<Tensor[]> {
  const batched = admission.maxBatchSize > 0;
  return Promise.all(
    Object.entries(sample.inputs ?? {}).map(async ([input, recipe]) => {
      const datatype = datatypeFromConfig(String(recipe.data_type))?.name;
      if (!datatype) throw refuse(name, `input '${input}' has no data_type`);
      const dims = dimsOf(recipe);
      if (dims.some((dim) => dim < 1)) throw refuse(name, `input '${input}': dims [${dims}] must all be known`);
      const shape = batched ? [1, ...dims] : dims;
      const data = await sampleData(recipe, datatype, shape, input, name, modelDir);
      return { name: input, datatype, shape, data: viewBytes(datatype, data) };
    }),
  );
}

async function sampleData(
  recipe: ModelWarmup_Input,
  datatype: Datatype,
  shape: readonly number[],
  input: string,
  sample: string,
  modelDir: string,
): Promise<Uint8Array> {
  const bytes = elementCount(shape) * (datatypes[datatype].size || 4);
  if (recipe.input_data_file !== undefined) {
    const data = await readSampleFile(join(modelDir, 'warmup'), recipe.input_data_file, input, sample);
    if (datatype === 'BYTES') return data;
    if (data.length < bytes)
      throw refuse(sample, `input '${input}' needs ${bytes} bytes, file ${recipe.input_data_file} has ${data.length}`);
    // A copy: what the file system hands out may start at an odd address.
    return new Uint8Array(data.subarray(0, bytes));
  }
  if (recipe.random_data !== undefined)
    return datatype === 'BYTES' ? new Uint8Array(bytes) : randomBytes(datatype, bytes);
  if (recipe.zero_data !== undefined) return new Uint8Array(bytes);
  throw refuse(sample, `input '${input}' has none of zero_data, random_data and input_data_file`);
}

function randomBytes(datatype: Datatype, bytes: number): Uint8Array {
  const data = randomFillSync(new Uint8Array(bytes));
  return datatype === 'BOOL' ? data.map((byte) => byte & 1) : data;
}

async function readSampleFile(folder: string, file: string, input: string, sample: string): Promise<Uint8Array> {
  try {
    return await readInside(folder, file);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw refuse(sample, `input '${input}': file ${join(folder, file)} cannot be read: ${reason}`, thrown);
  }
}

function refuse(sample: string, what: string, cause?: unknown): ConchError {
  return new ConchError('MODEL_LOAD_FAILED', `warm-up sample '${sample}': ${what}`, {
    where: { path: 'model_warmup' },
    ...(cause === undefined ? {} : { cause }),
  });
}
