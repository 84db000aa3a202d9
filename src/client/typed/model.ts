import type { IncomingResponse } from '../../protocol/index.ts';
import type { InferenceClient } from '../inference-client.ts';
import type { InferRequest, TritonClient } from '../triton-client.ts';
import { differences, missingOutput, stale, toInputs, toOutput } from './check.ts';
import type { InputsOf, ModelSignature, OutputsOf } from './signature.ts';

/** What a typed call may say beside its inputs. */
export interface TypedCallOptions<Name extends string = string>
  extends Omit<InferRequest, 'model' | 'inputs' | 'outputs'> {
  /** Only these outputs. */
  readonly outputs?: readonly Name[] | undefined;
}

/** A model whose inputs and outputs the compiler knows, and which are checked again as it runs. */
export interface TypedModel<S extends ModelSignature> {
  readonly signature: S;
  /**
   * One inference: outputs by name. Throws REQUEST_INVALID before anything is sent for inputs that the model does not
   * take, SERVER_ERROR for answers that are not what the signature says, and what `client.infer` throws.
   */
  infer<Name extends keyof S['outputs'] & string = keyof S['outputs'] & string>(
    client: Pick<InferenceClient, 'infer'>,
    inputs: InputsOf<S>,
    options?: TypedCallOptions<Name>,
  ): Promise<Pick<OutputsOf<S>, Name>>;
  /** Every response of a decoupled model, each with those outputs that it has. */
  stream(
    client: Pick<TritonClient, 'stream'>,
    inputs: InputsOf<S>,
    options?: TypedCallOptions<keyof S['outputs'] & string>,
  ): AsyncIterable<Partial<OutputsOf<S>>>;
  /** Throws SERVER_ERROR with every difference when the server's model is not the one that this was written for. */
  verify(
    client: Pick<InferenceClient, 'modelMetadata'>,
    options?: { version?: string; signal?: AbortSignal },
  ): Promise<void>;
}

/** A typed model by its signature, as `conch client generate` writes it. */
export function defineModel<const S extends ModelSignature>(signature: S): TypedModel<S> {
  const requestOf = (inputs: InputsOf<S>, { outputs, ...options }: TypedCallOptions): InferRequest => ({
    ...options,
    model: signature.name,
    inputs: toInputs(signature, inputs as Readonly<Record<string, unknown>>),
    ...(outputs && { outputs: outputs.map((name) => ({ name })) }),
  });
  const outputsOf = (response: IncomingResponse): Partial<OutputsOf<S>> =>
    Object.fromEntries(
      response.outputs.map((output) => [output.name, toOutput(signature, output)]),
    ) as unknown as Partial<OutputsOf<S>>;
  return {
    signature,
    async infer(client, inputs, options = {}) {
      const outputs = outputsOf(await client.infer(requestOf(inputs, options) as never));
      for (const name of options.outputs ?? Object.keys(signature.outputs)) {
        if (!Object.hasOwn(outputs, name)) throw missingOutput(signature, name);
      }
      return outputs as never;
    },
    async *stream(client, inputs, options = {}) {
      for await (const response of client.stream(requestOf(inputs, options))) yield outputsOf(response);
    },
    async verify(client, { version, signal } = {}) {
      const found = differences(signature, await client.modelMetadata(signature.name, version, signal));
      if (found.length > 0) throw stale(`model '${signature.name}' is another one on the server: ${found.join('; ')}`);
    },
  };
}
