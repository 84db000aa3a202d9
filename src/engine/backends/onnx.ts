import { access, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { ConchError, toConchError } from '../../base/index.ts';
import { dimsOf, type ModelConfig, toInteger } from '../../config/index.ts';
import { type OnnxSummary, readOnnx } from '../../onnx/index.ts';
import { datatypeFromConfig, elementCount } from '../../tensor/index.ts';
import type { Backend, LoadedModel, ModelSource } from '../backend.ts';
import { parameterOf } from '../parameters.ts';
import { sequenceInputs } from '../sequence/signature.ts';
import { zeroTensor } from '../zero.ts';
import { OnnxInline } from './onnx-inline.ts';
import { layoutOf, type OnnxLayout } from './onnx-layout.ts';
import { executionOf, ignoredParameters, sessionOptions } from './onnx-options.ts';
import { type OnnxFile, type SharedModel, sharesWeights, shareWeights, warnUnshared } from './onnx-shared.ts';
import { checkSignature } from './onnx-signature.ts';
import { OnnxThread } from './onnx-thread.ts';

/** Each instance is a thread with its own copy of the model. */
const mostInstances = 256;
/** Models of at most this many bytes are tried on the event loop. */
const inlineBytes = 1 << 20;
/** A full batch must run in this many microseconds to stay there: about the way to a thread and back (25 to 60). */
const inlineMicroseconds = 150;

/** `backend: "onnxruntime"`: worker threads with a session each, or one session on the event loop for tiny models. */
export const onnxBackend: Backend = {
  async load(source: ModelSource): Promise<LoadedModel> {
    const { config } = source;
    refuseUnsupported(config);
    const path = await modelFile(source);
    const onnx = await readOnnx(path);
    checkSignature(config, onnx);
    const count = instanceCount(config);
    const options = sessionOptions(config, Math.max(1, Math.floor(source.threads / count)));
    const ignored = ignoredParameters.filter((key) => parameterOf(config, key) !== undefined);
    if (ignored.length > 0)
      source.logger.info({ model: source.name }, `parameters without effect here: ${ignored.join(', ')}`);
    const layout = layoutOf(config, onnx);
    const execution = executionOf(config);
    if (execution === 'inline' || (execution === undefined && mayRunInline(source, onnx))) {
      const alone = { ...options, intraOpNumThreads: 1, interOpNumThreads: 1 };
      const instance = await OnnxInline.open(path, alone, layout);
      if (execution === 'inline' || (await isShort(instance, config, layout))) return inlineModel(instance);
      await instance.close();
    }
    const file = { path, options };
    const bytes = source.files.reduce((sum, { size }) => sum + size, 0);
    const shared = sharesWeights(config, count, bytes) ? await share(file, onnx, bytes, layout, source) : undefined;
    return threadedModel(file, shared, layout, count, source);
  },
};

/** One instance for the whole life of the model, which closes it. */
function inlineModel(instance: OnnxInline): LoadedModel {
  return {
    facts: { instances: 1, concurrency: 1, inline: true, padded: true, plainText: true },
    createInstance: async () => ({
      run: (batch) => instance.run(batch),
      runNow: instance.runNow,
      close: async () => {},
    }),
    resize: () => 1,
    close: () => instance.close(),
  };
}

function threadedModel(
  file: OnnxFile,
  shared: SharedModel | undefined,
  layout: OnnxLayout,
  instances: number,
  { name: model, logger }: ModelSource,
): LoadedModel {
  let usable = shared;
  return {
    facts: { instances, concurrency: 1, inline: false, padded: true, plainText: true },
    async createInstance(name, onLost) {
      if (usable) {
        try {
          return await OnnxThread.start({ ...usable.file, name, layout }, onLost);
        } catch (thrown) {
          // Not the model's fault, so no reason not to serve it.
          warnUnshared(logger, model, toConchError(thrown));
          await usable?.discard().catch(() => {});
          usable = undefined;
        }
      }
      return OnnxThread.start({ ...file, name, layout }, onLost);
    },
    // From one instance to several, weights may have to be shared, which is decided at load.
    ...((shared !== undefined || instances > 1) && { resize: instanceCount }),
    close: async () => shared?.release(),
  };
}

async function share(
  file: OnnxFile,
  onnx: OnnxSummary,
  bytes: number,
  layout: OnnxLayout,
  { name, cacheDirectory, logger }: ModelSource,
): Promise<SharedModel | undefined> {
  if (cacheDirectory === undefined) return undefined;
  return shareWeights(file, onnx, bytes, {
    directory: cacheDirectory,
    model: name,
    logger,
    async openOnce(other) {
      const thread = await OnnxThread.start({ ...other, name: `${name}_weights`, layout }, () => {});
      await thread.close();
    },
  });
}

function refuseUnsupported(config: ModelConfig): void {
  const refuse = (what: string, path: string): never => {
    throw new ConchError('NOT_SUPPORTED', `${what} is not something that the embedded server's ONNX backend does`, {
      where: { path },
      fix: 'serve the model with Triton',
    });
  };
  if (config.model_operations?.op_library_filename?.length) refuse('loading operator libraries', 'model_operations');
  const accelerator = config.optimization?.execution_accelerators?.cpu_execution_accelerator?.[0]?.name;
  if (accelerator) refuse(`the accelerator '${accelerator}'`, 'optimization.execution_accelerators');
}

/** The model's file: `default_model_filename`, which may also be a folder that holds `model.onnx`; never outside `dir`. */
async function modelFile({ config, dir }: ModelSource): Promise<string> {
  const name = config.default_model_filename || 'model.onnx';
  const path = join(dir, name);
  if (!path.startsWith(dir + sep)) {
    throw new ConchError('MODEL_LOAD_FAILED', `default_model_filename '${name}' leaves the version's folder`, {
      where: { path: 'default_model_filename' },
    });
  }
  try {
    const file = (await stat(path)).isDirectory() ? join(path, 'model.onnx') : path;
    await access(file);
    return file;
  } catch (cause) {
    throw new ConchError('MODEL_LOAD_FAILED', `the model file ${path} does not exist or cannot be read`, {
      where: { file: path },
      status: 'UNAVAILABLE',
      cause,
    });
  }
}

function instanceCount(config: ModelConfig): number {
  const groups = (config.instance_group ?? []).filter((group) => !group.passive);
  const count = groups.reduce((sum, group) => sum + Math.max(1, group.count ?? 1), 0);
  if (count <= mostInstances) return Math.max(1, count);
  throw new ConchError(
    'MODEL_LOAD_FAILED',
    `instance_group asks for ${count} instances; at most ${mostInstances} threads are started`,
    {
      where: { path: 'instance_group' },
    },
  );
}

/**
 * Whether a run's length can be told before: small, every dimension but the batch fixed, and no control flow, whose
 * length hangs on the data.
 */
function mayRunInline({ config, files }: ModelSource, onnx: OnnxSummary): boolean {
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  const fixed = [...(config.input ?? []), ...sequenceInputs(config)].every((input) =>
    dimsOf(input).every((dim) => dim > 0),
  );
  const branches = onnx.operators.some(({ type }) => ['Loop', 'Scan', 'If'].includes(type));
  return bytes <= inlineBytes && fixed && !branches;
}

/** Measures a full batch of zeros; false also when it cannot be run, which the warm-up will then report properly. */
async function isShort(instance: OnnxInline, config: ModelConfig, layout: OnnxLayout): Promise<boolean> {
  const rows = Math.max(1, toInteger(config.max_batch_size));
  const inputs = [...(config.input ?? []), ...sequenceInputs(config)].map((input) => {
    const dims = input.reshape ? (input.reshape.shape ?? []).map(Number) : dimsOf(input);
    return {
      name: input.name!,
      datatype: datatypeFromConfig(String(input.data_type))!.name,
      shape: layout.batched ? [layout.ragged.size > 0 ? 1 : rows, ...dims] : dims,
    };
  });
  if (inputs.some(({ shape }) => elementCount(shape) * 8 > inlineBytes)) return false;
  const outputs = (config.output ?? []).map((output) => output.name!);
  // Rows of a ragged model come one by one: it counts requests.
  const [each, count] = layout.ragged.size > 0 ? [1, rows] : [rows, 1];
  const request = { inputs: inputs.map(zeroTensor), rows: each, outputs, context: {} };
  const batch = { requests: Array.from({ length: count }, () => request), rows };
  let best = Number.POSITIVE_INFINITY;
  try {
    // The first rounds run code that is not compiled yet, and others use the machine too.
    for (let round = 0; round < 64 && best > inlineMicroseconds; round++) {
      const { computeInput, computeInfer, computeOutput } = await instance.run(batch);
      best = Math.min(best, (computeInput + computeInfer + computeOutput) / 1000);
      if (best > 100 * inlineMicroseconds || (round >= 8 && best > 4 * inlineMicroseconds)) return false;
    }
  } catch {
    return false;
  }
  // The best, not the mean: what else the machine does while it starts says nothing about the model.
  return best <= inlineMicroseconds;
}
