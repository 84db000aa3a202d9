import { ConchError } from '../../base/index.ts';
import type { ModelConfig } from '../../config/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type {
  Backend,
  BackendEvent,
  BackendFacts,
  Batch,
  BatchRequest,
  EngineAccess,
  ModelSource,
} from '../backend.ts';
import { CustomMetrics } from '../custom-metrics.ts';

/** Of models that call no other model. */
export const noServer: EngineAccess = {
  infer: () => Promise.reject(new Error('no server')),
  stream: () => Promise.reject(new Error('no server')),
  isModelReady: () => false,
  load: () => Promise.reject(new Error('no server')),
  unload: () => Promise.reject(new Error('no server')),
  metrics: new CustomMetrics(),
};

/** What a test sees of one instance. */
export interface ProbeInstance {
  readonly name: string;
  readonly lose: (error: ConchError) => void;
  readonly batches: Batch[];
  closed: boolean;
}

export interface ProbeOptions {
  readonly facts?: Partial<BackendFacts>;
  /** Outputs of a request; the default gives back its inputs under the names of the outputs. */
  readonly answer?: (
    request: BatchRequest,
    source: ModelSource,
  ) => readonly Tensor[] | ConchError | Promise<readonly Tensor[]>;
  /** Of a decoupled model: answers a request by any number of events, in its own time. */
  readonly respond?: (
    request: BatchRequest,
    emit: (event: BackendEvent) => void,
    source: ModelSource,
  ) => undefined | Promise<undefined>;
  /** Instances for another config, where the model is to take one on without being loaded again. */
  readonly resize?: (config: ModelConfig) => number;
  readonly onLoad?: (source: ModelSource) => void | Promise<void>;
  readonly onCreate?: (name: string) => void | Promise<void>;
}

/** A backend that does in JavaScript what a test wants, and remembers what it was asked. */
export class ProbeBackend implements Backend {
  readonly instances: ProbeInstance[] = [];
  readonly loads: string[] = [];
  closes = 0;
  readonly #options: ProbeOptions;

  constructor(options: ProbeOptions = {}) {
    this.#options = options;
  }

  async load(source: ModelSource) {
    const { facts, answer = echo, respond, resize, onLoad, onCreate } = this.#options;
    this.loads.push(`${source.name}/${source.version}`);
    await onLoad?.(source);
    return {
      ...(resize && { resize }),
      facts: { instances: 1, concurrency: 1, inline: true, padded: true, ...facts },
      createInstance: async (name: string, onLost: (error: ConchError) => void) => {
        await onCreate?.(name);
        const instance: ProbeInstance = { name, lose: onLost, batches: [], closed: false };
        this.instances.push(instance);
        return {
          run: async (batch: Batch) => {
            instance.batches.push(batch);
            const answers = await Promise.all(
              batch.requests.map((request, index) =>
                respond ? respond(request, (event) => batch.emit!(index, event), source) : answer(request, source),
              ),
            );
            const responses = answers.map((one) =>
              one === undefined || one instanceof ConchError ? one : { outputs: one },
            );
            return { responses, computeInput: 1, computeInfer: 10, computeOutput: 2 };
          },
          close: async () => {
            instance.closed = true;
          },
        };
      },
      close: async () => {
        this.closes += 1;
      },
    };
  }
}

function echo({ inputs, outputs }: BatchRequest): Tensor[] {
  return outputs.map((name, index) => {
    const input = inputs[index] ?? inputs[0];
    if (!input) throw new ConchError('EXECUTION_FAILED', 'nothing to echo');
    return { ...input, name };
  });
}

/** Something a test waits for and resolves by hand. */
export function deferred(): PromiseWithResolvers<void> {
  return Promise.withResolvers<void>();
}
