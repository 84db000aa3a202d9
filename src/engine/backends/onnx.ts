import { access, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { ConchError } from '../../base/index.ts';
import { dimsOf, type ModelConfig, toInteger } from '../../config/index.ts';
import { type OnnxSummary, readOnnx } from '../../onnx/index.ts';
import { datatypeFromConfig, elementCount } from '../../tensor/index.ts';
import type { Backend, LoadedModel, ModelSource } from '../backend.ts';
import { parameterOf } from '../parameters.ts';
import { zeroTensor } from '../zero.ts';
import { OnnxInline } from './onnx-inline.ts';
import { executionOf, ignoredParameters, sessionOptions } from './onnx-options.ts';
import { OnnxSession } from './onnx-session.ts';
import { checkSignature, scalarsOf } from './onnx-signature.ts';
import type { OnnxLayout } from './onnx-tensors.ts';
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
    const layout: OnnxLayout = { batched: toInteger(config.max_batch_size) > 0, scalars: scalarsOf(onnx) };
    const execution = executionOf(config);
    if (execution === 'inline' || (execution === undefined && mayRunInline(source, onnx))) {
      const session = await OnnxSession.open(path, { ...options, intraOpNumThreads: 1, interOpNumThreads: 1 });
      if (execution === 'inline' || (await isShort(session, config, layout))) return inlineModel(session, layout);
      await session.close();
    }
    return threadedModel(path, options, layout, count);
  },
};

function inlineModel(session: OnnxSession, layout: OnnxLayout): LoadedModel {
  return {
    facts: { instances: 1, concurrency: 1, inline: true, padded: true, plainText: true },
    createInstance: async () => new OnnxInline(session, layout),
    close: () => session.close(),
  };
}

function threadedModel(
  path: string,
  options: InferenceSession.SessionOptions,
  layout: OnnxLayout,
  instances: number,
): LoadedModel {
  return {
    facts: { instances, concurrency: 1, inline: false, padded: true, plainText: true },
    createInstance: (name, onLost) => OnnxThread.start({ path, options, name, layout }, onLost),
    close: async () => {},
  };
}

function refuseUnsupported(config: ModelConfig): void {
  const refuse = (what: string, path: string): never => {
    throw new ConchError('NOT_SUPPORTED', `${what} is not something that the embedded server's ONNX backend does`, {
      where: { path },
      fix: 'serve the model with Triton',
    });
  };
  if (config.batch_input?.length) refuse('batch_input', 'batch_input');
  if (config.batch_output?.length) refuse('batch_output', 'batch_output');
  if (config.input?.some((input) => input.allow_ragged_batch)) refuse('allow_ragged_batch', 'input');
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
  const fixed = (config.input ?? []).every((input) => dimsOf(input).every((dim) => dim > 0));
  const branches = onnx.operators.some(({ type }) => ['Loop', 'Scan', 'If'].includes(type));
  return bytes <= inlineBytes && fixed && !branches;
}

/** Measures a full batch of zeros; false also when it cannot be run, which the warm-up will then report properly. */
async function isShort(session: OnnxSession, config: ModelConfig, layout: OnnxLayout): Promise<boolean> {
  const rows = Math.max(1, toInteger(config.max_batch_size));
  const inputs = (config.input ?? []).map((input) => {
    const dims = input.reshape ? (input.reshape.shape ?? []).map(Number) : dimsOf(input);
    return {
      name: input.name!,
      datatype: datatypeFromConfig(String(input.data_type))!.name,
      shape: layout.batched ? [rows, ...dims] : dims,
    };
  });
  if (inputs.some(({ shape }) => elementCount(shape) * 8 > inlineBytes)) return false;
  const batch = {
    requests: [
      {
        inputs: inputs.map(zeroTensor),
        rows,
        outputs: (config.output ?? []).map((output) => output.name!),
        context: {},
      },
    ],
    rows,
  };
  const instance = new OnnxInline(session, layout);
  let best = Number.POSITIVE_INFINITY;
  try {
    for (let round = 0; round < 8; round++) {
      const { computeInput, computeInfer, computeOutput } = await instance.run(batch);
      best = Math.min(best, (computeInput + computeInfer + computeOutput) / 1000);
      if (best > 100 * inlineMicroseconds) return false;
    }
  } catch {
    return false;
  }
  // The best, not the mean: what else the machine does while it starts says nothing about the model.
  return best <= inlineMicroseconds;
}
