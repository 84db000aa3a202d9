import { setTimeout as sleep } from 'node:timers/promises';
import { ConchError } from '../../base/index.ts';
import type { ModelConfig } from '../../config/index.ts';
import type { Backend, BackendInstance, BackendResponse, BatchRequest, LoadedModel } from '../backend.ts';
import { integerParameter } from '../parameters.ts';
import { declaredInputs, declaredOutputs } from '../tensors.ts';
import { indexOf, instancePlaces } from './instance-groups.ts';

/** Most milliseconds of a delay: a day. */
const longestDelay = 86_400_000;

/**
 * `backend: "identity"`, for tests and demonstrations as in Triton: each output is the input of the same position.
 * Parameters: `execute_delay_ms` holds every batch for so long, `instance_wise_delay_multiplier` makes that longer by
 * the instance's number, `creation_delay_sec` holds the load.
 */
export const identityBackend: Backend = {
  async load({ config }): Promise<LoadedModel> {
    checkPairs(config);
    const delay = integerParameter(config, 'execute_delay_ms', longestDelay) ?? 0;
    const multiplier = integerParameter(config, 'instance_wise_delay_multiplier', 1000) ?? 0;
    const creation = integerParameter(config, 'creation_delay_sec', longestDelay / 1000) ?? 0;
    if (creation > 0) await sleep(creation * 1000);
    const positions = new Map(declaredInputs(config).map(({ name }, index) => [name, index]));
    const sources = new Map(declaredOutputs(config).map(({ name }, index) => [name, index]));
    const answer = ({ inputs, outputs }: BatchRequest): BackendResponse | ConchError => {
      const given = new Map(inputs.map((input) => [positions.get(input.name), input]));
      const tensors = [];
      for (const name of outputs) {
        const input = given.get(sources.get(name));
        // An optional input that the request leaves out has no output.
        if (input) tensors.push({ ...input, name });
      }
      return { outputs: tensors };
    };
    return {
      facts: {
        instances: instancePlaces(config, 256).length,
        concurrency: 1,
        inline: delay === 0,
        padded: false,
      },
      createInstance: async (name) => identityInstance(answer, delay * Math.max(1, multiplier * indexOf(name))),
      close: async () => {},
    };
  },
};

function identityInstance(
  answer: (request: BatchRequest) => BackendResponse | ConchError,
  delay: number,
): BackendInstance {
  const closing = new AbortController();
  return {
    async run({ requests, emit }) {
      const start = performance.now();
      const responses = requests.map(answer);
      if (delay > 0) await sleep(delay, undefined, { signal: closing.signal });
      const computeInfer = (performance.now() - start) * 1e6;
      if (emit) {
        responses.forEach((response, index) => {
          emit(index, { response, final: true });
        });
      }
      const said = emit ? responses.map(() => undefined) : responses;
      return { responses: said, computeInput: 0, computeInfer, computeOutput: 0 };
    },
    close: async () => closing.abort(new ConchError('SERVER_STOPPING', 'the instance was stopped')),
  };
}

/** Same number on both sides, and each pair of the same type and shape; throws MODEL_LOAD_FAILED. */
function checkPairs(config: ModelConfig): void {
  const inputs = declaredInputs(config);
  const outputs = declaredOutputs(config);
  const refuse = (path: string, message: string): never => {
    throw new ConchError('MODEL_LOAD_FAILED', `an identity model ${message}`, { where: { path } });
  };
  if (inputs.length !== outputs.length) {
    refuse('output', `has as many outputs as inputs; this has ${outputs.length} and ${inputs.length}`);
  }
  for (const [index, output] of outputs.entries()) {
    const input = inputs[index]!;
    const path = `output["${output.name}"]`;
    if (input.datatype !== output.datatype) {
      refuse(
        path,
        `gives inputs back as they are: input '${input.name}' is ${input.datatype}, '${output.name}' is ${output.datatype}`,
      );
    }
    if (`${input.modelDims}` !== `${output.modelDims}`) {
      refuse(
        path,
        `gives inputs back as they are: input '${input.name}' is [${input.modelDims}], '${output.name}' is [${output.modelDims}]`,
      );
    }
  }
}
