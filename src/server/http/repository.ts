import { ConchError } from '../../base/index.ts';
import type { LoadOverrides } from '../../engine/index.ts';
import type { Exchange } from './exchange.ts';
import { type JsonMembers, malformed, objectOf, readObject, textOf } from './json-body.ts';
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

/** POST /v2/repository/models/M/load, with `config` and `file:<path>` in place of what is on disk. */
export async function loadModel(exchange: Exchange, { model }: PathParameters): Promise<void> {
  const parameters = objectOf(await readObject(exchange, true), 'parameters');
  await exchange.context.engine.load(model, readOverrides(parameters));
  exchange.replyEmpty(200);
}

/** POST /v2/repository/models/M/unload: 200 for unknown models too, and before the last requests are done. */
export async function unloadModel(exchange: Exchange, { model }: PathParameters): Promise<void> {
  const parameters = objectOf(await readObject(exchange, true), 'parameters');
  // Anything but a boolean is passed over, as Triton does.
  const dependents = parameters.unload_dependents === true;
  await exchange.context.engine.unload(model, { dependents });
  exchange.replyEmpty(200);
}

/** The same paths with a repository's name. */
export function controlNamedRepository(): never {
  throw new ConchError('NOT_SUPPORTED', "'repository_name' is not supported");
}

/** All values are text; files travel in base64. */
function readOverrides(parameters: JsonMembers): LoadOverrides {
  const files = new Map<string, Uint8Array>();
  for (const key of Object.keys(parameters)) {
    if (key === 'config') continue;
    if (!key.startsWith('file:')) {
      throw new ConchError('REQUEST_INVALID', `a load takes the parameters 'config' and 'file:<path>', got '${key}'`, {
        status: 'INTERNAL',
      });
    }
    const text = textOf(parameters, key) ?? '';
    if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text)) throw malformed(key, 'base64', text);
    files.set(key.slice('file:'.length), Buffer.from(text, 'base64'));
  }
  return { config: textOf(parameters, 'config'), files };
}
