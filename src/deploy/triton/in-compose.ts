import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { ConchError, runGroup } from '../../base/index.ts';
import { docker } from '../doctor/checks/docker.ts';
import type { Examination } from '../doctor/examination.ts';
import { containerPorts } from '../triton-command.ts';
import { yamlFile } from '../yaml.ts';
import type { ServerProgram } from './run.ts';

export interface ComposeTriton {
  /** The folder of docker-compose.yml, as `conch deploy compose` writes it. */
  readonly dir: string;
  /** What is started; what it depends on comes with it. */
  readonly services: readonly string[];
  /** Flags of tritonserver that go before those in the file. */
  readonly flags: readonly string[];
  /** Where Triton's ports are published on this machine. */
  readonly address: string;
  readonly ports: { readonly http: number; readonly grpc?: number | undefined; readonly metrics?: number | undefined };
  readonly exitTimeoutSecs: number;
}

export interface ComposeRun {
  readonly program: ServerProgram;
  /** Removes the containers and networks, and the file that was made for this run; volumes stay. */
  end(): Promise<void>;
}

/** Throws ENVIRONMENT_MISSING with what the doctor says, unless Docker and Compose are there and may be used. */
export async function requireDocker(examination: Examination): Promise<void> {
  const missing = (await docker(examination)).filter(({ status }) => status === 'missing');
  if (missing.length === 0) return;
  throw new ConchError('ENVIRONMENT_MISSING', `Triton cannot be started in Docker: ${missing[0]!.detail}`, {
    fix: `${missing.map(({ fix }) => fix).join('; ')}. Without Docker: conch serve, --tritonserver PATH, or --server URL`,
  });
}

/**
 * Compose over the written file and one of this run, which publishes Triton's ports and gives it these flags. Networks
 * without a way out publish nothing, hence the other one.
 */
export async function composeTriton(options: ComposeTriton): Promise<ComposeRun> {
  const { dir, services, flags, address, ports, exitTimeoutSecs } = options;
  const file = join(resolve(dir), 'docker-compose.yml');
  const command = withFlags(await commandIn(file), flags);
  const temporary = await mkdtemp(join(tmpdir(), 'conch-compose-'));
  const override = join(temporary, 'docker-compose.override.yml');
  const host = address.includes(':') ? `[${address}]` : address;
  const published = (['http', 'grpc', 'metrics'] as const).flatMap((name) =>
    ports[name] === undefined ? [] : [`${host}:${ports[name]}:${containerPorts[name]}`],
  );
  const triton = { command, ports: published, networks: ['inference', 'edge'] };
  await writeFile(override, yamlFile(['Written by conch serve for one run.'], { services: { triton } }));
  const project = ['compose', '--project-directory', resolve(dir), '--file', file];
  const all = [...project, '--file', override];
  return {
    program: {
      command: 'docker',
      args: [...all, 'up', '--no-log-prefix', '--exit-code-from', 'triton', ...services],
      url: `http://${host}:${ports.http}`,
      // Compose gives the containers their grace periods one after the other.
      stopMs: 1000 * (exitTimeoutSecs + 60),
      likeTerminal: true,
      fix: 'install Docker Engine with the Compose plugin',
    },
    async end() {
      const follow: Parameters<typeof runGroup>[0]['follow'] = ({ stdout, stderr }) => {
        stdout.resume();
        stderr.resume();
      };
      // Best effort: what stays is removed by the next start.
      await runGroup({ command: 'docker', args: [...all, 'down'], timeoutMs: 120_000, follow }).catch(() => {});
      await rm(temporary, { recursive: true, force: true });
    },
  };
}

/** The command of the service `triton`. */
async function commandIn(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8');
  let command: unknown;
  try {
    command = parse(text)?.services?.triton?.command;
  } catch {} // Told below.
  if (Array.isArray(command) && command.every((one) => typeof one === 'string')) return command;
  throw new ConchError('FILE_INVALID', `${file} has no service triton with a list as its command`, {
    where: { file, path: 'services.triton.command' },
    fix: 'write it again: conch deploy compose --force',
  });
}

/** `command` with `flags` in place of those of the same names. To Compose a dollar sign begins a variable. */
function withFlags(command: readonly string[], flags: readonly string[]): string[] {
  const nameOf = (flag: string) => flag.split('=', 1)[0]!;
  const given = new Set(flags.map(nameOf));
  return [...command.filter((one) => !given.has(nameOf(one))), ...flags.map((flag) => flag.replaceAll('$', '$$$$'))];
}
