import { ConchError } from '../../base/index.ts';
import { configToJson, type ModelConfig } from '../../config/index.ts';
import { statusFromHttp } from '../../protocol/index.ts';

export interface ControlOptions {
  /** `http://host:port`. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Has a server in explicit model control load a model with a configuration (Triton's repository extension). Throws
 * MODEL_LOAD_FAILED with the server's words, SERVER_UNREACHABLE.
 */
export async function loadModel(model: string, config: ModelConfig, options: ControlOptions): Promise<void> {
  await control(model, 'load', { parameters: { config: JSON.stringify(configToJson(config)) } }, options);
}

/** Has the server give a model up; what it still answers it finishes. Throws as `loadModel` does. */
export async function unloadModel(model: string, options: ControlOptions): Promise<void> {
  await control(model, 'unload', {}, options);
}

async function control(model: string, what: 'load' | 'unload', body: object, options: ControlOptions): Promise<void> {
  const { url, headers = {}, signal } = options;
  const where = `${url.replace(/\/$/, '')}/v2/repository/models/${encodeURIComponent(model)}/${what}`;
  let response: Response;
  let text: string;
  try {
    response = await fetch(where, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      ...(signal && { signal }),
    });
    text = await response.text();
  } catch (cause) {
    signal?.throwIfAborted();
    throw new ConchError('SERVER_UNREACHABLE', `${url} cannot be reached: ${(cause as Error).message}`, { cause });
  }
  if (response.ok) return;
  const words = /"error"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text.slice(0, 300);
  const refused = /explicit model (load|control)|polling is enabled|model control mode/i.test(words);
  throw new ConchError('MODEL_LOAD_FAILED', `${url} does not ${what} '${model}': ${words}`, {
    status: statusFromHttp(response.status),
    ...(refused && { fix: 'start the server with --model-control-mode=explicit' }),
  });
}
