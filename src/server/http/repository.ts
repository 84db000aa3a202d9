import { ConchError } from '../../base/index.ts';
import type { Exchange } from './exchange.ts';
import { readObject } from './json-body.ts';
import type { PathParameters } from './router.ts';

/** POST /v2/repository/index: one row per version. `{"ready": true}` leaves out what is not ready. */
export async function repositoryIndex(exchange: Exchange): Promise<void> {
  const { ready = false } = await readObject(exchange, true);
  if (typeof ready !== 'boolean') {
    throw new ConchError('REQUEST_INVALID', `'ready' must be true or false, got ${JSON.stringify(ready)}`);
  }
  const rows = exchange.context.engine.index();
  exchange.replyJson(200, ready ? rows.filter((row) => row.state === 'READY') : rows);
}

/** POST /v2/repository/models/M/load and unload: Triton's answer in model control mode none, the default. */
export async function controlModel(exchange: Exchange, { model }: PathParameters): Promise<void> {
  await readObject(exchange, true);
  throw new ConchError(
    'NOT_SUPPORTED',
    `model '${model}' cannot be loaded or unloaded by request: the server's model control mode is none`,
    { status: 'UNAVAILABLE' },
  );
}

/** The same paths with a repository's name. */
export function controlNamedRepository(): never {
  throw new ConchError('NOT_SUPPORTED', "'repository_name' is not supported");
}
