import type { ModelConfig } from '../config/index.ts';
import { datatypeFromConfig } from '../tensor/index.ts';

const inputKinds = [
  'BATCH_ELEMENT_COUNT',
  'BATCH_ACCUMULATED_ELEMENT_COUNT',
  'BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO',
  'BATCH_MAX_ELEMENT_COUNT_AS_SHAPE',
  'BATCH_ITEM_SHAPE',
  'BATCH_ITEM_SHAPE_FLATTEN',
];

/** Triton's rules on `batch_input` and `batch_output` (`ValidateBatchIO` in its core). */
export function validateBatchTensors(config: ModelConfig, report: (path: string, message: string) => void): void {
  const inputs = (config.input ?? []).map(({ name }) => name);
  const outputs = (config.output ?? []).map(({ name }) => name);
  const checkSource = (path: string, sources: readonly string[]): void => {
    if (sources.length !== 1) report(path, `${path} has ${sources.length} source inputs, it must have 1`);
    const unknown = sources.find((source) => !inputs.includes(source));
    if (unknown !== undefined) report(path, `${path} derives from '${unknown}', which is no declared input`);
  };
  (config.batch_input ?? []).forEach(({ kind = inputKinds[0]!, data_type: type, source_input = [] }, index) => {
    const path = `batch_input[${index}]`;
    if (!inputKinds.includes(String(kind))) report(path, `${path} has kind ${kind}, which has no name`);
    const datatype = datatypeFromConfig(String(type))?.name;
    if (datatype !== 'INT32' && datatype !== 'FP32')
      report(path, `${path} is of ${type ?? 'no type'}, it must be TYPE_INT32 or TYPE_FP32`);
    checkSource(path, source_input);
  });
  const written = new Set<string>();
  (config.batch_output ?? []).forEach(({ kind = 0, target_name = [], source_input = [] }, index) => {
    const path = `batch_output[${index}]`;
    if (kind !== 0 && kind !== 'BATCH_SCATTER_WITH_INPUT_SHAPE')
      report(path, `${path} has kind ${kind}, which has no name`);
    for (const name of target_name) {
      if (!outputs.includes(name)) report(path, `${path} makes '${name}', which is no declared output`);
      if (written.has(name)) report(path, `${path} makes '${name}', which another batch_output makes already`);
      written.add(name);
    }
    checkSource(path, source_input);
  });
}
