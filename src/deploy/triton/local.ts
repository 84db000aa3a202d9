import { existsSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import type { ServerProgram } from './run.ts';

export interface LocalTriton {
  /** The program tritonserver. */
  readonly path: string;
  /** Folders of backends; that of the installation unless given. */
  readonly backendDirectory?: string | undefined;
  /** Folders of shared libraries, as in LD_LIBRARY_PATH. */
  readonly libraryPath?: string | undefined;
  readonly repositories: readonly string[];
  /** Further flags. */
  readonly flags: readonly string[];
  readonly url: string;
  readonly exitTimeoutSecs: number;
}

/** tritonserver on this machine, laid out as NVIDIA's image has it: bin, lib and backends beside each other. */
export function localTriton(options: LocalTriton): ServerProgram {
  const { path, backendDirectory, libraryPath, repositories, flags, url, exitTimeoutSecs } = options;
  const found = resolve(path);
  const root = dirname(dirname(found));
  const backends = backendDirectory ?? (existsSync(join(root, 'backends')) ? join(root, 'backends') : undefined);
  const libraries = [libraryPath, existsSync(join(root, 'lib')) ? join(root, 'lib') : undefined].filter(Boolean);
  const already = process.env.LD_LIBRARY_PATH;
  return {
    command: path.includes('/') ? found : path,
    args: [
      ...repositories.map((one) => `--model-repository=${resolve(one)}`),
      ...(backends === undefined ? [] : [`--backend-directory=${resolve(backends)}`]),
      ...flags,
    ],
    ...(libraries.length > 0 && {
      env: { ...process.env, LD_LIBRARY_PATH: [...libraries, already].filter(Boolean).join(delimiter) },
    }),
    url,
    // Models are unloaded after the requests are done.
    stopMs: 1000 * (exitTimeoutSecs + 15),
    fix: 'give the path of tritonserver, e.g. --tritonserver /opt/tritonserver/bin/tritonserver, or leave it out to use Docker',
  };
}
