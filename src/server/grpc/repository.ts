import { ConchError } from '../../base/index.ts';
import type { grpc } from '../../protocol/index.ts';
import type { ServerContext } from '../context.ts';

/** One row per version; `ready` leaves out what is not ready. */
export function repositoryIndex(
  { repository_name, ready }: grpc.RepositoryIndexRequest,
  { engine }: ServerContext,
): grpc.RepositoryIndexResponse {
  refuseRepositoryName(repository_name);
  const rows = engine.index();
  return { models: (ready ? rows.filter((row) => row.state === 'READY') : rows).map((row) => ({ ...row })) };
}

/** Loads a model, with `config` and `file:<path>` in place of what is on disk; answers when that is done. */
export async function repositoryModelLoad(
  { repository_name, model_name = '', parameters = {} }: grpc.RepositoryModelLoadRequest,
  { engine }: ServerContext,
): Promise<grpc.RepositoryModelLoadResponse> {
  refuseRepositoryName(repository_name);
  let config: string | undefined;
  const files = new Map<string, Uint8Array>();
  for (const [key, value] of Object.entries(parameters)) {
    if (key === 'config') {
      if (value.string_param === undefined) throw wrongType(key, 'string_param', value);
      config = value.string_param;
    } else if (key.startsWith('file:')) {
      if (value.bytes_param === undefined) throw wrongType(key, 'bytes_param', value);
      files.set(key.slice('file:'.length), value.bytes_param);
    } else {
      throw new ConchError('REQUEST_INVALID', `a load takes the parameters 'config' and 'file:<path>', got '${key}'`);
    }
  }
  await engine.load(model_name, { config, files });
  return {};
}

/** Unloads a model, known or not; does not wait for its last requests. */
export async function repositoryModelUnload(
  { repository_name, model_name = '', parameters = {} }: grpc.RepositoryModelUnloadRequest,
  { engine }: ServerContext,
): Promise<grpc.RepositoryModelUnloadResponse> {
  refuseRepositoryName(repository_name);
  let dependents = false;
  for (const [key, value] of Object.entries(parameters)) {
    if (key !== 'unload_dependents') continue;
    if (value.bool_param === undefined) throw wrongType(key, 'bool_param', value);
    dependents = value.bool_param;
  }
  await engine.unload(model_name, { dependents });
  return {};
}

function refuseRepositoryName(name: string | undefined): void {
  if (name) throw new ConchError('NOT_SUPPORTED', "'repository_name' is not supported");
}

function wrongType(key: string, expected: string, value: object): ConchError {
  const [got = 'nothing'] = Object.keys(value);
  return new ConchError('REQUEST_INVALID', `parameter '${key}' must be ${expected}, got ${got}`);
}
