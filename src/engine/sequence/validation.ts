import {
  dimsOf,
  type ModelConfig,
  type ModelSequenceBatching,
  type ModelSequenceBatching_Control,
  type ModelSequenceBatching_State,
  toInteger,
} from '../../config/index.ts';
import { datatypeFromConfig } from '../../tensor/index.ts';
import { parameterOf } from '../parameters.ts';
import { kindOf } from './signature.ts';

type Report = (path: string, message: string) => void;

const correlationTypes = ['TYPE_UINT64', 'TYPE_INT64', 'TYPE_UINT32', 'TYPE_INT32', 'TYPE_STRING'];

/** The rules of Triton's core on `sequence_batching`, and those that its scheduler adds when it is built. */
export function validateSequence(config: ModelConfig, report: Report): void {
  const { sequence_batching: sequence } = config;
  if (!sequence) return;
  validateControls(sequence, report);
  validateStrategy(sequence, toInteger(config.max_batch_size), report);
  const initialised = new Set<string>();
  (sequence.state ?? []).forEach((state, index) => {
    const path = `sequence_batching.state[${index}]`;
    validateState(state, path, report);
    if (!state.initial_state?.length) return;
    const input = state.input_name ?? '';
    if (initialised.has(input)) report(`${path}.input_name`, `state input '${input}' has two initial states`);
    initialised.add(input);
  });
  if (parameterOf(config, 'TRITON_BATCH_STRATEGY_PATH') !== undefined) {
    report('parameters', 'TRITON_BATCH_STRATEGY_PATH does not work with sequence_batching');
  }
}

function validateControls(sequence: ModelSequenceBatching, report: Report): void {
  const names = new Set<string>();
  const kinds = new Set<string>();
  (sequence.control_input ?? []).forEach(({ name = '', control = [] }, at) => {
    const path = `sequence_batching.control_input[${at}]`;
    if (name === '') report(`${path}.name`, 'a control input has no name');
    if (names.has(name)) report(`${path}.name`, `control input '${name}' is listed twice`);
    names.add(name);
    control.forEach((one, index) => {
      const where = `${path}.control[${index}]`;
      const kind = kindOf(one);
      if (kind === undefined) {
        report(`${where}.kind`, `control input '${name}': there is no control kind ${one.kind}`);
        return;
      }
      if (kinds.has(kind)) report(`${where}.kind`, `control ${kind} is given twice`);
      kinds.add(kind);
      if (kind === 'CORRID') validateCorrelation(name, one, where, report);
      else validatePair(name, one, where, report);
    });
  });
}

function pairsOf(control: ModelSequenceBatching_Control): (readonly unknown[])[] {
  const { int32_false_true, fp32_false_true, bool_false_true } = control;
  return [int32_false_true ?? [], fp32_false_true ?? [], bool_false_true ?? []].filter((pair) => pair.length > 0);
}

function validatePair(name: string, control: ModelSequenceBatching_Control, path: string, report: Report): void {
  const pairs = pairsOf(control);
  if (pairs.length !== 1) {
    const found = pairs.length === 0 ? 'none is given' : `${pairs.length} are given`;
    const fields = 'int32_false_true, fp32_false_true and bool_false_true';
    report(path, `control input '${name}' needs one of ${fields}, ${found}`);
  } else if (pairs[0]!.length !== 2) {
    report(path, `control input '${name}' needs a false and a true value, there are ${pairs[0]!.length} values`);
  }
}

function validateCorrelation(name: string, control: ModelSequenceBatching_Control, path: string, report: Report): void {
  if (pairsOf(control).length > 0) report(path, `control input '${name}': CORRID has no false and true values`);
  const type = String(control.data_type);
  if (correlationTypes.includes(type)) return;
  report(
    `${path}.data_type`,
    `control input '${name}': CORRID is one of ${correlationTypes.join(', ')}, not ${control.data_type ?? 'without data_type'}`,
  );
}

function validateStrategy({ oldest, direct }: ModelSequenceBatching, maxBatchSize: number, report: Report): void {
  (oldest?.preferred_batch_size ?? []).forEach((size, index) => {
    const path = `sequence_batching.oldest.preferred_batch_size[${index}]`;
    if (size <= 0) report(path, `preferred_batch_size must be above 0, it is ${size}`);
    else if (size > maxBatchSize) report(path, `preferred_batch_size ${size} exceeds max_batch_size ${maxBatchSize}`);
  });
  const share = direct?.minimum_slot_utilization ?? 0;
  if (!(share >= 0 && share <= 1)) {
    report(
      'sequence_batching.direct.minimum_slot_utilization',
      `minimum_slot_utilization must be 0 to 1, it is ${share}`,
    );
  }
}

function validateState(state: ModelSequenceBatching_State, path: string, report: Report): void {
  const label = `state '${state.input_name ?? ''}'`;
  if (!state.input_name) report(`${path}.input_name`, 'a state has no input_name');
  if (!state.output_name) report(`${path}.output_name`, `${label} has no output_name`);
  if (!datatypeFromConfig(String(state.data_type))) report(`${path}.data_type`, `${label} has no data_type`);
  const dims = dimsOf(state);
  if (dims.length === 0) report(`${path}.dims`, `${label} has no dims`);
  dims.forEach((dim, index) => {
    if (dim !== -1 && dim < 1)
      report(`${path}.dims[${index}]`, `${label}: dims [${dims}] may hold -1 and numbers from 1`);
  });
  const { initial_state: all = [] } = state;
  if (all.length > 1) report(`${path}.initial_state[1]`, `${label} has ${all.length} initial states, it can have one`);
  const [initial] = all;
  if (!initial) return;
  const at = `${path}.initial_state[0]`;
  const own = dimsOf(initial);
  const shapes = `initial_state has dims [${own}], the state [${dims}]`;
  if (!initial.name) report(`${at}.name`, `${label}: its initial_state has no name`);
  if (initial.data_type !== state.data_type)
    report(`${at}.data_type`, `${label} is ${state.data_type}, its initial_state ${initial.data_type}`);
  if (own.length !== dims.length) report(`${at}.dims`, `${label}: ranks differ, ${shapes}`);
  else if (own.some((dim) => dim < 1)) report(`${at}.dims`, `${label}: every dimension must be known, ${shapes}`);
  else if (own.some((dim, index) => dims[index] !== -1 && dims[index] !== dim))
    report(`${at}.dims`, `${label}: ${shapes}`);
  if (initial.zero_data === undefined && initial.data_file === undefined) {
    report(at, `${label}: its initial_state has neither zero_data nor data_file`);
  }
}
