import { ConchError } from '../base/index.ts';
import type { ConnectOptions, InferenceClient } from './inference-client.ts';

/** A client for the server at `url`, e.g. `http://127.0.0.1:8000`. Connections are opened by the first call. */
export function connect(url: string, _options: ConnectOptions = {}): InferenceClient {
  throw new ConchError('INTERNAL', `no client for ${url} yet`);
}
