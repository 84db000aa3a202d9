import { ConchError, environmentDir, environmentPython } from '../../base/index.ts';
import { askPython } from './ask-python.ts';
import { directPackages } from './environment.ts';

export interface CompilePython {
  readonly command: string;
  readonly version: string;
  /** Versions of the packages that compile steps use. */
  readonly packages: Readonly<Record<string, string>>;
}

export interface InterpreterOptions {
  /** An interpreter that must be taken, packages and all. */
  readonly python?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The Python that compile steps run: `python` where given, else that of the environment variable CONCH_PYTHON if it has
 * the packages, else the one that `conch env` made. Throws ENVIRONMENT_MISSING saying what is missing where.
 */
export async function compileInterpreter(options: InterpreterOptions = {}): Promise<CompilePython> {
  const { python, env = process.env, signal } = options;
  const managed = environmentPython(environmentDir(env));
  const candidates = python
    ? [{ command: python, from: '--python' }]
    : [
        ...(env.CONCH_PYTHON ? [{ command: env.CONCH_PYTHON, from: 'CONCH_PYTHON' }] : []),
        { command: managed, from: 'the environment of conch env' },
      ];
  const problems: string[] = [];
  for (const { command, from } of candidates) {
    const facts = await askPython(command, [...directPackages().keys()], env, signal);
    const missing = Object.entries(facts?.packages ?? {}).filter(([, version]) => version === null);
    if (facts && missing.length === 0) {
      return { command, version: facts.version, packages: facts.packages as Record<string, string> };
    }
    if (facts) problems.push(`${from} (${command}) has no ${missing.map(([name]) => name).join(', ')}`);
    else if (command === managed) problems.push('conch env was not run yet');
    else problems.push(`${from} (${command}) is no Python 3 that can be started`);
  }
  throw new ConchError('ENVIRONMENT_MISSING', `this step needs PyTorch in Python: ${problems.join('; ')}`, {
    fix: python
      ? `install ${[...directPackages().keys()].join(', ')} there, or leave --python out and run \`conch env\``
      : 'run `conch env`, which makes an environment with all it needs, or set CONCH_PYTHON to a Python that has it',
  });
}
