import { setTimeout as sleep } from 'node:timers/promises';
import { ConchError, toConchError } from '../../base/index.ts';
import type { ModelConfig } from '../../config/index.ts';
import { type Datatype, elementCount } from '../../tensor/index.ts';
import type { Backend, BackendEvent, BackendInstance, BatchRequest, LoadedModel } from '../backend.ts';
import { type DeclaredTensor, declaredInputs, declaredOutputs, maxBatchSizeOf } from '../tensors.ts';
import { instancePlaces } from './instance-groups.ts';

type Field = readonly [name: string, datatype: Datatype, dims: string];
const inputs: readonly Field[] = [
  ['IN', 'INT32', 'one dimension'],
  ['DELAY', 'UINT32', 'one dimension'],
  ['WAIT', 'UINT32', '[1]'],
];
const outputs: readonly Field[] = [
  ['OUT', 'INT32', '[1]'],
  ['IDX', 'UINT32', '[1]'],
];

/**
 * `backend: "repeat"`, for tests and demonstrations as in Triton: a decoupled model that gives one response for each
 * element of IN, the i-th DELAY[i] milliseconds after the one before it; OUT is the element, IDX its index. After WAIT
 * milliseconds the instance takes the next request, whether all responses have been given or not.
 */
export const repeatBackend: Backend = {
  async load({ config }): Promise<LoadedModel> {
    checkConfig(config);
    return {
      facts: { instances: instancePlaces(config, 256).length, concurrency: 1, inline: false, padded: false },
      createInstance: async () => repeatInstance(),
      close: async () => {},
    };
  },
};

function repeatInstance(): BackendInstance {
  const closing = new AbortController();
  const { signal } = closing;
  return {
    async run({ requests, emit }) {
      const start = performance.now();
      if (!emit) throw new ConchError('INTERNAL', 'a repeat model was run as if it were not decoupled');
      let wait = 0;
      for (const [index, request] of requests.entries()) {
        wait = Math.max(wait, Number(request.inputs.find(({ name }) => name === 'WAIT')!.data[0]));
        void respond(request, (event) => emit(index, event), signal).catch((thrown: unknown) =>
          emit(index, { response: toConchError(thrown, 'EXECUTION_FAILED'), final: true }),
        );
      }
      if (wait > 0) await sleep(wait, undefined, { signal });
      const computeInfer = (performance.now() - start) * 1e6;
      return { responses: requests.map(() => undefined), computeInput: 0, computeInfer, computeOutput: 0 };
    },
    close: async () => closing.abort(new ConchError('SERVER_STOPPING', 'the instance was stopped')),
  };
}

async function respond(request: BatchRequest, emit: (event: BackendEvent) => void, signal: AbortSignal): Promise<void> {
  const [values, delays] = ['IN', 'DELAY'].map((wanted) => request.inputs.find(({ name }) => name === wanted)!);
  const count = elementCount(values!.shape);
  if (elementCount(delays!.shape) !== count) {
    throw new ConchError(
      'REQUEST_INVALID',
      `IN and DELAY must be of one shape, they are [${values!.shape}] and [${delays!.shape}]`,
    );
  }
  for (let index = 0; index < count; index++) {
    const delay = Number(delays!.data[index]);
    if (delay > 0) await sleep(delay, undefined, { signal });
    if (request.context.signal?.aborted) break;
    const tensors = request.outputs.map((name) => ({
      name,
      datatype: name === 'OUT' ? ('INT32' as const) : ('UINT32' as const),
      shape: [1],
      data: name === 'OUT' ? Int32Array.of(Number(values!.data[index])) : Uint32Array.of(index),
    }));
    emit({ response: { outputs: tensors }, final: false });
  }
  emit({ response: undefined, final: true });
}

function checkConfig(config: ModelConfig): void {
  if (maxBatchSizeOf(config) > 0) throw misfit('max_batch_size', 'has max_batch_size 0');
  if (!config.model_transaction_policy?.decoupled) {
    throw misfit('model_transaction_policy', 'is decoupled: model_transaction_policy { decoupled: true }');
  }
  checkTensors('input', declaredInputs(config), inputs);
  checkTensors('output', declaredOutputs(config), outputs);
}

function checkTensors(path: string, declared: readonly DeclaredTensor[], fields: readonly Field[]): void {
  const wanted = fields.map(([name, datatype, dims]) => `${name} ${datatype} ${dims}`).join(', ');
  const fit =
    declared.length === fields.length &&
    fields.every(([name, datatype, dims], index) => {
      const { name: itsName, datatype: itsType, modelDims } = declared[index]!;
      return (
        itsName === name && itsType === datatype && modelDims.length === 1 && (dims !== '[1]' || modelDims[0] === 1)
      );
    });
  if (fit) return;
  const found = declared.map(({ name, datatype, modelDims }) => `${name} ${datatype} [${modelDims}]`).join(', ');
  throw misfit(path, `has the ${path}s ${wanted}, in this order; this has ${found || 'none'}`);
}

function misfit(path: string, message: string): ConchError {
  return new ConchError('MODEL_LOAD_FAILED', `a repeat model ${message}`, { where: { path } });
}
