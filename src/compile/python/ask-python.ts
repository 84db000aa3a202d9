import { ConchError, compileScript } from '../../base/index.ts';
import { runLogged } from './process.ts';

/** What a Python interpreter says of itself and of some packages. */
export interface PythonFacts {
  readonly version: string;
  readonly executable: string;
  /** Whether it can make virtual environments: Debian packages that apart. */
  readonly venv: boolean;
  /** By name; null where one is not installed. */
  readonly packages: Readonly<Record<string, string | null>>;
}

/** Asks `command`; undefined when it cannot be started or is no Python 3. */
export async function askPython(
  command: string,
  packages: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  signal?: AbortSignal,
): Promise<PythonFacts | undefined> {
  let answer = '';
  try {
    const { code } = await runLogged({
      command,
      args: [compileScript('versions.py'), ...packages],
      env,
      timeoutMs: 60_000,
      signal,
      stdoutIsAnswer: true,
      onLine: (line, stream) => {
        if (stream === 'stdout') answer += line;
      },
    });
    return code === 0 ? (JSON.parse(answer) as PythonFacts) : undefined;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof SyntaxError || (error instanceof ConchError && error.code === 'FILE_NOT_FOUND')) {
      return undefined;
    }
    throw error;
  }
}
