import { ConchError } from '../base/index.ts';
import type { InferenceClient } from '../client/index.ts';
import type { ModelConfig } from '../config/index.ts';
import type { InferenceRequest, InferenceResponse, ModelIndexEntry, TensorMetadata } from '../protocol/index.ts';
import { type Datatype, datatypeFromConfig, decodeStrings, encodeBytes, type Tensor } from '../tensor/index.ts';

/** For tests: a server in memory. A model is its configuration and a function from a request's inputs to outputs. */
export interface FakeModel {
  config: ModelConfig;
  versions?: string[];
  state?: ModelIndexEntry;
  run(inputs: Map<string, Tensor>, request: InferenceRequest): Tensor[] | Promise<Tensor[]>;
}

export interface FakeServer {
  models: Record<string, FakeModel>;
  ready: boolean;
  reachable: boolean;
  /** Every inference asked for, in order. */
  requests: InferenceRequest[];
  /** Calls of all kinds, by name. */
  calls: Record<string, number>;
  labels: Record<string, string[]>;
}

export function fakeServer(models: Record<string, FakeModel>): FakeServer {
  return { models, ready: true, reachable: true, requests: [], calls: {}, labels: {} };
}

export function fakeClient(server: FakeServer): InferenceClient {
  const call = async (name: string, signal?: AbortSignal) => {
    server.calls[name] = (server.calls[name] ?? 0) + 1;
    signal?.throwIfAborted();
    if (!server.reachable) throw new ConchError('SERVER_UNREACHABLE', 'connect ECONNREFUSED http://10.1.2.3:8000');
  };
  const model = (name: string): FakeModel => {
    const found = server.models[name];
    if (!found) {
      throw new ConchError('SERVER_ERROR', `Request for unknown model: '${name}' is not found`, {
        status: 'NOT_FOUND',
      });
    }
    return found;
  };
  return {
    url: 'http://10.1.2.3:8000',
    isLive: async (signal) => call('isLive', signal).then(() => true),
    isReady: async (signal) => call('isReady', signal).then(() => server.ready),
    isModelReady: async (name, _version, signal) => call('isModelReady', signal).then(() => name in server.models),
    serverMetadata: async () => ({ name: 'fake', version: '0', extensions: [] }),
    modelMetadata: async (name, _version, signal) => {
      await call('modelMetadata', signal);
      const { config, versions = ['1'] } = model(name);
      const batch = (config.max_batch_size ?? 0) > 0 ? [-1] : [];
      const tensors = (list: ModelConfig['input'] | ModelConfig['output'] = []): TensorMetadata[] =>
        list.map((tensor) => ({
          name: tensor.name ?? '',
          datatype: datatypeFromConfig(String(tensor.data_type))?.name ?? 'INVALID',
          shape: [...batch, ...(tensor.dims ?? []).map(Number)],
        }));
      return { name, versions, platform: '', inputs: tensors(config.input), outputs: tensors(config.output) };
    },
    modelConfig: async (name, _version, signal) => {
      await call('modelConfig', signal);
      return { name, ...model(name).config };
    },
    index: async (signal) => {
      await call('index', signal);
      return Object.entries(server.models).flatMap(([name, { versions = ['1'], state }]) =>
        versions.map((version) => state ?? { name, version, state: 'READY' as const }),
      );
    },
    statistics: async () => [],
    infer: async (request) => {
      await call('infer', request.signal);
      server.requests.push(request);
      const inputs = new Map(request.inputs.map((tensor) => [tensor.name, tensor]));
      const { run, versions = ['1'] } = model(request.model);
      const outputs = await run(inputs, request);
      return respond(server, request, outputs, versions[0]!);
    },
    close: async () => {},
  };
}

function respond(server: FakeServer, request: InferenceRequest, outputs: Tensor[], version: string): InferenceResponse {
  const answered = outputs.map((output) => {
    const wanted = request.outputs?.find(({ name }) => name === output.name);
    const labels = server.labels[request.model];
    if (!wanted?.classification) return output;
    const values = [...(output.data as Float32Array)].slice(0, output.shape.at(-1));
    const rows = values
      .map((value, index) => ({ value, index }))
      .sort((a, b) => b.value - a.value)
      .slice(0, wanted.classification)
      .map(({ value, index }) => `${value.toFixed(6)}:${index}${labels?.[index] ? `:${labels[index]}` : ''}`);
    return { name: output.name, datatype: 'BYTES' as Datatype, shape: [1, rows.length], data: encodeBytes(rows) };
  });
  return { model: request.model, version, id: request.id, outputs: answered };
}

/** Texts of a BYTES input. */
export function textsOf(tensor: Tensor | undefined): string[] {
  return decodeStrings(tensor!.data as Uint8Array);
}

/** The two models of the examples and the parts of the second, with arithmetic in place of weights. */
export function exampleModels(): Record<string, FakeModel> {
  const fp32 = (name: string, shape: number[], values: number[]): Tensor => ({
    name,
    datatype: 'FP32',
    shape,
    data: Float32Array.from(values),
  });
  const logits = (texts: string[]) =>
    fp32(
      'logits',
      [texts.length, 3],
      texts.flatMap((text) => [text.length, text.includes('loss') ? 50 : 0, 1]),
    );
  return {
    simple_net: {
      config: {
        max_batch_size: 8,
        input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [10] }],
        output: [{ name: 'prediction', data_type: 'TYPE_FP32', dims: [1] }],
      },
      run: (inputs) => {
        const { data, shape } = inputs.get('x')!;
        const rows = Array.from({ length: shape[0]! }, (_, row) =>
          (data as Float32Array).slice(row * 10, row * 10 + 10),
        );
        return [
          fp32(
            'prediction',
            [rows.length, 1],
            rows.map((row) => row.reduce((sum, value) => sum + value, 0)),
          ),
        ];
      },
    },
    finbert: {
      config: {
        max_batch_size: 4,
        input: [{ name: 'text', data_type: 'TYPE_STRING', dims: [1] }],
        output: [{ name: 'logits', data_type: 'TYPE_FP32', dims: [3] }],
        ensemble_scheduling: {
          step: [
            { model_name: 'finbert-tokenizer', model_version: -1, output_map: { input_ids: 'input_ids' } },
            { model_name: 'finbert-model', model_version: -1, output_map: { logits: 'logits' } },
          ],
        },
      },
      run: (inputs) => [logits(textsOf(inputs.get('text')))],
    },
    'finbert-tokenizer': {
      config: {
        max_batch_size: 4,
        input: [{ name: 'text', data_type: 'TYPE_STRING', dims: [1] }],
        output: [
          { name: 'input_ids', data_type: 'TYPE_INT64', dims: [-1] },
          { name: 'attention_mask', data_type: 'TYPE_INT64', dims: [-1] },
        ],
      },
      run: (inputs) => {
        const texts = textsOf(inputs.get('text'));
        const length = Math.max(...texts.map((text) => text.length));
        const ids = texts.flatMap((text) => Array.from({ length }, (_, at) => BigInt(text.charCodeAt(at) || 0)));
        const tensor = (name: string, data: bigint[]): Tensor => ({
          name,
          datatype: 'INT64',
          shape: [texts.length, length],
          data: BigInt64Array.from(data),
        });
        return [
          tensor('input_ids', ids),
          tensor(
            'attention_mask',
            ids.map((id) => (id === 0n ? 0n : 1n)),
          ),
        ];
      },
    },
    'finbert-model': {
      config: {
        max_batch_size: 4,
        input: [
          { name: 'input_ids', data_type: 'TYPE_INT64', dims: [-1] },
          { name: 'attention_mask', data_type: 'TYPE_INT64', dims: [-1] },
        ],
        output: [{ name: 'logits', data_type: 'TYPE_FP32', dims: [3], label_filename: 'labels.txt' }],
      },
      run: (inputs) => [logits(Array(inputs.get('input_ids')!.shape[0]).fill('text'))],
    },
  };
}
