import { join } from 'node:path';
import { ConchError } from '../../base/index.ts';
import { dimsOf, type ModelConfig, type ModelSequenceBatching_State } from '../../config/index.ts';
import {
  bytesOf,
  type Datatype,
  datatypeFromConfig,
  datatypes,
  elementCount,
  type Tensor,
  viewBytes,
} from '../../tensor/index.ts';
import { readInside } from '../inside.ts';
import { zeroTensor } from '../zero.ts';

/** One of a model's implicit states: what the model gave as `output` comes back as `input` with the next request. */
export interface DeclaredState {
  readonly input: string;
  readonly output: string;
  /** What the first request of a sequence gets. Where the config gives nothing, zeros: Triton promises nothing then. */
  readonly initial: Tensor;
}

/**
 * The states of a model with their initial values; throws MODEL_LOAD_FAILED when a file under `initial_state/` cannot
 * be read or is too short. The config must have been validated.
 */
export async function loadStates(config: ModelConfig, modelDir: string): Promise<readonly DeclaredState[]> {
  const { state = [] } = config.sequence_batching ?? {};
  const batched = (config.max_batch_size ?? 0) > 0;
  const declared: DeclaredState[] = [];
  for (const [index, one] of state.entries()) {
    const { input_name: input = '', output_name: output = '' } = one;
    // Of two states with one input, or one output, the first counts.
    if (declared.some((other) => other.input === input || other.output === output)) continue;
    const initial = await initialTensor(one, batched, modelDir, `sequence_batching.state[${index}]`);
    declared.push({ input, output, initial });
  }
  return declared;
}

async function initialTensor(
  state: ModelSequenceBatching_State,
  batched: boolean,
  modelDir: string,
  path: string,
): Promise<Tensor> {
  const name = state.input_name ?? '';
  const datatype: Datatype = datatypeFromConfig(String(state.data_type))!.name;
  const [initial] = state.initial_state ?? [];
  // Variable dimensions start as 1.
  const dims = initial ? dimsOf(initial) : dimsOf(state).map((dim) => (dim === -1 ? 1 : dim));
  const shape = batched ? [1, ...dims] : dims;
  if (initial?.data_file === undefined) return zeroTensor({ name, datatype, shape });
  const where = { path: `${path}.initial_state[0].data_file` };
  const folder = join(modelDir, 'initial_state');
  let data: Uint8Array;
  try {
    data = await readInside(folder, initial.data_file);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    const message = `state '${name}': file ${join(folder, initial.data_file)} cannot be read: ${reason}`;
    throw new ConchError('MODEL_LOAD_FAILED', message, { where, cause: thrown });
  }
  if (datatype === 'BYTES') return { name, datatype, shape, data: new Uint8Array(data) };
  const bytes = elementCount(shape) * datatypes[datatype].size;
  if (data.length < bytes) {
    const message = `state '${name}' needs ${bytes} bytes, initial_state/${initial.data_file} has ${data.length}`;
    throw new ConchError('MODEL_LOAD_FAILED', message, { where });
  }
  // A copy: what the file system hands out may start at an odd address.
  return { name, datatype, shape, data: viewBytes(datatype, new Uint8Array(data.subarray(0, bytes))) };
}

/** The states of one sequence, from its START on. */
export class SequenceStates {
  readonly #declared: readonly DeclaredState[];
  readonly #current: Tensor[];

  constructor(declared: readonly DeclaredState[]) {
    this.#declared = declared;
    this.#current = declared.map(({ initial }) => initial);
  }

  /** What the model gets with the sequence's next request. */
  get inputs(): readonly Tensor[] {
    return this.#current;
  }

  /** States of unequal shapes cannot be rows of one batch. */
  get likeness(): string {
    return this.#current.map(({ shape }) => shape.join()).join(';');
  }

  /** Takes over what the model gave; a state that it did not give stays as it was. */
  update(outputs: readonly Tensor[]): void {
    for (const [index, { input, output }] of this.#declared.entries()) {
      const given = outputs.find(({ name }) => name === output);
      if (given) this.#current[index] = { ...given, name: input, data: ownMemory(given) };
    }
  }
}

/** A row of a batch would keep the whole batch in memory for as long as the sequence pauses. */
function ownMemory(tensor: Tensor): Tensor['data'] {
  const { data } = tensor;
  if (data.byteLength === data.buffer.byteLength) return data;
  return viewBytes(tensor.datatype, Uint8Array.prototype.slice.call(bytesOf(tensor)));
}
