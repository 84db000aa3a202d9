import type { InferenceClient } from '../client/index.ts';
import { bytesOf, type Tensor, viewBytes } from '../tensor/index.ts';
import { type OutputColumn, readOutputs } from './encode.ts';
import type { ModelInterface } from './interface.ts';
import { mayBeOneRequests, SharedSignal } from './shared-run.ts';

/** Rows of one request, and where they stand in the outputs of the inference that they were part of. */
export interface RanRows {
  readonly columns: readonly OutputColumn[];
  /** Of the first row. */
  readonly offset: number;
  readonly version: string;
}

export interface RowsToRun {
  /** With a batch dimension where the model has one. */
  readonly inputs: readonly Tensor[];
  readonly rows: number;
  readonly id: string;
  readonly signal: AbortSignal;
}

interface Waiting extends RowsToRun {
  readonly resolve: (ran: RanRows) => void;
  readonly reject: (error: unknown) => void;
}

interface Group {
  readonly model: ModelInterface;
  readonly members: Waiting[];
}

/**
 * Runs rows on the server. Requests to one model that arrive in the same turn of the event loop leave as one inference,
 * as the server's own batcher would join them, but with one message in place of many: under load that is most of what a
 * small model costs. Nobody waits for others, and while nothing is under way not even for the end of the turn. Only models whose configuration allows batches of several requests
 * (`dynamic_batching`) are run so, and only inputs of equal shapes join.
 */
export class Combiner {
  readonly #client: InferenceClient;
  #groups = new Map<string, Group>();
  #scheduled = false;
  #underWay = 0;

  constructor(client: InferenceClient) {
    this.#client = client;
  }

  run(model: ModelInterface, rows: RowsToRun): Promise<RanRows> {
    const isIdle = this.#underWay === 0 && !this.#scheduled;
    if (isIdle || !model.joinsRequests || rows.rows >= model.maxBatchSize) return this.#alone(model, rows);
    rows.signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const key = likeness(model, rows.inputs);
      let group = this.#groups.get(key);
      if (!group) {
        group = { model, members: [] };
        this.#groups.set(key, group);
      }
      group.members.push({ ...rows, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    const groups = this.#groups;
    this.#groups = new Map();
    this.#scheduled = false;
    for (const { model, members } of groups.values()) {
      for (const batch of batches(members, model.maxBatchSize)) void this.#together(model, batch);
    }
  }

  async #alone(model: ModelInterface, { inputs, rows, id, signal }: RowsToRun): Promise<RanRows> {
    const outputs = model.outputs.map(({ name }) => ({ name }));
    this.#underWay++;
    const response = await this.#client.infer({ model: model.name, id, inputs, outputs, signal }).finally(() => {
      this.#underWay--;
    });
    return { columns: readOutputs(model, response, rows), offset: 0, version: response.version || model.version };
  }

  /** Never rejects: every member gets its rows or an error of its own. */
  async #together(model: ModelInterface, members: readonly Waiting[]): Promise<void> {
    const [first] = members;
    if (members.length === 1) {
      await this.#alone(model, first!).then(first!.resolve, first!.reject);
      return;
    }
    const shared = new SharedSignal(members);
    const rows = members.reduce((sum, member) => sum + member.rows, 0);
    try {
      const inputs = first!.inputs.map((_, at) => joined(members.map((member) => member.inputs[at]!)));
      const ran = await this.#alone(model, { inputs, rows, id: first!.id, signal: shared.signal });
      let { offset } = ran;
      for (const member of members) {
        member.resolve({ ...ran, offset });
        offset += member.rows;
      }
    } catch (error) {
      if (!mayBeOneRequests(error)) for (const member of members) member.reject(error);
      // One request's rows must not fail those of its neighbours.
      else await Promise.all(members.map((member) => this.#alone(model, member).then(member.resolve, member.reject)));
    } finally {
      shared.release();
    }
  }
}

/** Inputs that can stand in one tensor: the same ones, of equal shapes but for the batch. */
function likeness({ name, version }: ModelInterface, inputs: readonly Tensor[]): string {
  let key = `${name}\n${version}`;
  for (const input of inputs) key += `\n${input.name}:${input.shape.slice(1)}`;
  return key;
}

function* batches(members: readonly Waiting[], maxRows: number): Generator<Waiting[]> {
  let batch: Waiting[] = [];
  let rows = 0;
  for (const member of members) {
    if (rows + member.rows > maxRows) {
      yield batch;
      batch = [];
      rows = 0;
    }
    batch.push(member);
    rows += member.rows;
  }
  yield batch;
}

/** Tensors of equal shapes one after another. Texts are framed by their length, so that their bytes can be joined too. */
function joined(parts: readonly Tensor[]): Tensor {
  const { name, datatype, shape } = parts[0]!;
  const rows = parts.reduce((sum, part) => sum + part.shape[0]!, 0);
  const bytes = parts.map(bytesOf);
  const all = new Uint8Array(bytes.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of bytes) {
    all.set(part, at);
    at += part.length;
  }
  return { name, datatype, shape: [rows, ...shape.slice(1)], data: viewBytes(datatype, all) };
}
