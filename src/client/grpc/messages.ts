import { toInteger } from '../../config/index.ts';
import type {
  grpc,
  InferBatchStatistics,
  InferResponseStatistics,
  InferStatistics,
  ModelMetadata,
  ModelStatistics,
  StatisticDuration,
  TensorMetadata,
} from '../../protocol/index.ts';

// What protobuf leaves out because it is zero or empty is put back.

export function metadataFrom(message: grpc.ModelMetadataResponse): ModelMetadata {
  const { name = '', versions = [], platform = '', inputs = [], outputs = [] } = message;
  return { name, versions, platform, inputs: inputs.map(tensorFrom), outputs: outputs.map(tensorFrom) };
}

function tensorFrom(message: grpc.ModelMetadataResponse_TensorMetadata): TensorMetadata {
  const { name = '', datatype = '', shape = [] } = message;
  return { name, datatype, shape: shape.map(Number) };
}

export function statisticsFrom(message: grpc.ModelStatistics): ModelStatistics {
  const responses = Object.entries(message.response_stats ?? {});
  return {
    name: message.name ?? '',
    version: message.version ?? '',
    last_inference: toInteger(message.last_inference),
    inference_count: toInteger(message.inference_count),
    execution_count: toInteger(message.execution_count),
    inference_stats: durations(message.inference_stats, [
      ...['success', 'fail', 'queue', 'compute_input', 'compute_infer', 'compute_output', 'cache_hit', 'cache_miss'],
    ]) as unknown as InferStatistics,
    response_stats: Object.fromEntries(
      responses.map(([index, stats]) => [
        index,
        durations(stats, [
          ...['compute_infer', 'compute_output', 'success', 'fail', 'empty_response', 'cancel'],
        ]) as unknown as InferResponseStatistics,
      ]),
    ),
    batch_stats: (message.batch_stats ?? []).map(
      (batch) =>
        ({
          batch_size: toInteger(batch.batch_size),
          ...durations(batch, ['compute_input', 'compute_infer', 'compute_output']),
        }) as unknown as InferBatchStatistics,
    ),
    memory_usage: (message.memory_usage ?? []).map(({ type = '', id, byte_size }) => ({
      type,
      id: toInteger(id),
      byte_size: toInteger(byte_size),
    })),
  };
}

function durations(message: object | undefined, names: readonly string[]): Record<string, StatisticDuration> {
  const given = (message ?? {}) as Readonly<Record<string, grpc.StatisticDuration | undefined>>;
  return Object.fromEntries(
    names.map((name) => [name, { count: toInteger(given[name]?.count), ns: toInteger(given[name]?.ns) }]),
  );
}
