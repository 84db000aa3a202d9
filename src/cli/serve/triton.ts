import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConchError } from '../../base/index.ts';
import type { InferenceClient } from '../../client/index.ts';
import type { ServerEnd, ServerProgram } from '../../deploy/index.ts';
import type { CommandInput, Option } from '../command.ts';
import { findDeployment, requireRepository } from '../deployment.ts';
import { examinationOf } from '../doctor.ts';
import type { Output } from '../output.ts';
import { address } from '../values.ts';
import { tritonFlags } from './triton-flags.ts';

/** Flags of `serve` that say what serves, and where Triton comes from. */
export const engineOptions: readonly Option[] = [
  {
    flags: '--engine <engine>',
    summary: 'embedded: this process; triton: NVIDIA Triton, in Docker unless the next flags say otherwise',
    choices: ['embedded', 'triton'],
    default: 'embedded',
  },
  { flags: '--tritonserver <path>', summary: 'start this program instead of a container' },
  { flags: '--backend-directory <dir>', summary: "its backends (default: its installation's)" },
  { flags: '--library-path <dirs>', summary: 'folders of shared libraries that it needs, as in LD_LIBRARY_PATH' },
  {
    flags: '--server <url>',
    summary: 'a Triton that runs already: wait until it is ready, say what it serves',
    parse: address,
  },
  {
    flags: '--compose-dir <dir>',
    summary: 'folder of docker-compose.yml; what conch deploy compose writes, and written where it is missing',
    default: 'deploy/compose',
  },
  { flags: '--services <names>', summary: 'services of it to start, e.g. triton,proxy,grafana', default: 'triton' },
  { flags: '--target <release>', summary: "Triton release that is checked for (default: the deployment's)" },
];

const remoteTimeoutMs = 60_000;

/** Throws USAGE for flags that say where Triton comes from when the embedded server is asked for. */
export function requireEngine({ engine, tritonserver, server }: CommandInput['options']): void {
  if (engine === 'triton' || (tritonserver === undefined && server === undefined)) return;
  const flag = tritonserver === undefined ? '--server' : '--tritonserver';
  throw new ConchError('USAGE', `${flag} is for Triton, the engine is embedded`, { fix: 'add --engine triton' });
}

/** `conch serve --engine triton`: 0 when it was stopped well, 1 when it did not serve or ended by itself. */
export async function serveTriton(input: CommandInput, options: readonly Option[], output: Output): Promise<number> {
  const { options: values, signal } = input;
  const named = ['tritonserver', 'server'].filter((key) => values[key] !== undefined);
  if (named.length > 1) throw new ConchError('USAGE', '--tritonserver and --server exclude each other');
  if (values.server !== undefined) return askRemote(values.server as string, signal, output);
  const inContainer = values.tritonserver === undefined;
  const repositories = await repositoriesOf(input);
  const flags = tritonFlags(values, options, { inContainer });
  for (const one of repositories) if (!(await wouldLoad(one, values, output))) return 1;
  if (!inContainer) {
    const program = await localProgram(input, repositories, flags);
    await requireWholePaths(program, repositories, values);
    return runProgram(program, input, output);
  }
  if (repositories.length > 1) {
    throw new ConchError('USAGE', 'docker-compose.yml mounts one repository', {
      fix: 'name one, or use --tritonserver',
    });
  }
  const { composeTriton, requireDocker } = await import('../../deploy/index.ts');
  await requireDocker(await examinationOf(input));
  const dir = values.composeDir as string;
  await writeCompose(dir, repositories[0]!, values, output);
  const run = await composeTriton({
    dir,
    services: (values.services as string).split(','),
    flags,
    address: values.httpAddress as string,
    ports: {
      http: values.httpPort as number,
      ...(values.allowGrpc !== false && { grpc: values.grpcPort as number }),
      ...(values.allowMetrics !== false && { metrics: values.metricsPort as number }),
    },
    exitTimeoutSecs: exitTimeoutOf(values),
  });
  try {
    return await runProgram(run.program, input, output);
  } finally {
    await run.end();
  }
}

async function repositoriesOf({ arguments: [dir], options }: CommandInput): Promise<string[]> {
  const more = (options.modelRepository ?? []) as readonly string[];
  const all = dir === undefined && more.length > 0 ? more : [dir, ...more];
  return Promise.all(all.map(requireRepository));
}

/** Checks what would be loaded; shows errors and says false when Triton would refuse a model. */
async function wouldLoad(root: string, values: CommandInput['options'], output: Output): Promise<boolean> {
  const { check, formatText } = await import('../../check/index.ts');
  const { defaultTarget, findTarget } = await import('../../onnx/index.ts');
  const { openRepository } = await import('../../repository/index.ts');
  const named = (values.target as string | undefined) ?? (await findDeployment(undefined))?.deployment.target;
  const target = named === undefined ? defaultTarget : findTarget(named);
  const repository = await openRepository(root, { inspect: true });
  const models = modelsToLoad(values, repository.models);
  const errors = check(repository, target).filter(
    ({ severity, model }) => severity === 'error' && (model === undefined || models === undefined || models.has(model)),
  );
  if (errors.length === 0) return true;
  if (output.json) output.printJson({ ready: false, diagnostics: errors });
  else output.print(formatText(errors, repository, output.colors));
  output.note(`not started: ${target.name} would refuse this; conch check says more`);
  return false;
}

type Models = Awaited<ReturnType<typeof import('../../repository/index.ts').openRepository>>['models'];

/** In mode explicit those named and what they are made of, which Triton loads with them; undefined for all. */
function modelsToLoad(values: CommandInput['options'], models: Models): Set<string> | undefined {
  const named = (values.loadModel ?? []) as readonly string[];
  if (values.modelControlMode !== 'explicit' || named.includes('*')) return undefined;
  const all = new Set(named);
  for (const name of all) {
    const { parsed } = models.find((model) => model.name === name) ?? {};
    for (const step of parsed?.config.ensemble_scheduling?.step ?? []) if (step.model_name) all.add(step.model_name);
  }
  return all;
}

/**
 * Triton starts the processes of its Python backend through a shell that cuts paths at spaces, and then waits for them for
 * good (seen with core 2.51): better to say so before.
 */
async function requireWholePaths({ args }: ServerProgram, repositories: string[], values: CommandInput['options']) {
  const cut = args.find((arg) => /^--(model-repository|backend-directory)=.*\s/s.test(arg));
  if (cut === undefined) return;
  const { openRepository } = await import('../../repository/index.ts');
  for (const root of repositories) {
    const { models } = await openRepository(root);
    const loaded = modelsToLoad(values, models);
    const python = models.find(
      ({ name, parsed }) => parsed?.config.backend === 'python' && (loaded === undefined || loaded.has(name)),
    );
    if (python === undefined) continue;
    const [flag, path] = cut.split(/=(.*)/s);
    throw new ConchError(
      'USAGE',
      `Triton cannot start model '${python.name}' of its Python backend: ${path} has a space`,
      {
        where: { path: flag! },
        fix: 'move the folder, or make a link to it whose path has no space, and name that',
      },
    );
  }
}

async function localProgram(
  { options }: CommandInput,
  repositories: string[],
  flags: string[],
): Promise<ServerProgram> {
  const { localTriton } = await import('../../deploy/index.ts');
  const host = options.httpAddress as string;
  const grpcHost = (options.grpcAddress as string | undefined) ?? host;
  const metricsHost = (options.metricsAddress as string | undefined) ?? host;
  return localTriton({
    path: options.tritonserver as string,
    backendDirectory: options.backendDirectory as string | undefined,
    libraryPath: options.libraryPath as string | undefined,
    repositories,
    flags: [
      `--http-address=${host}`,
      `--http-port=${options.httpPort}`,
      ...(options.allowGrpc === false ? [] : [`--grpc-address=${grpcHost}`, `--grpc-port=${options.grpcPort}`]),
      ...(options.allowMetrics === false
        ? []
        : [`--metrics-address=${metricsHost}`, `--metrics-port=${options.metricsPort}`]),
      ...flags,
    ],
    url: urlOf(host, options.httpPort as number),
    exitTimeoutSecs: exitTimeoutOf(options),
  });
}

/** Where a server that listens on `host` is asked from here: one on every address, on loopback. */
function urlOf(host: string, port: number): string {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reached.includes(':') ? `[${reached}]` : reached}:${port}`;
}

function exitTimeoutOf({ exitTimeoutSecs }: CommandInput['options']): number {
  return (exitTimeoutSecs as number | undefined) ?? 30;
}

async function writeCompose(
  dir: string,
  repository: string,
  values: CommandInput['options'],
  output: Output,
): Promise<void> {
  if (existsSync(join(dir, 'docker-compose.yml'))) return;
  const { composeFiles, planDeployment, writeFiles } = await import('../../deploy/index.ts');
  const target = values.target as string | undefined;
  const plan = await planDeployment({ loaded: await findDeployment(undefined), repository, target });
  await writeFiles(composeFiles(plan, dir), { dir, kind: 'compose' });
  output.note(`wrote ${dir}, as conch deploy compose does`);
}

async function runProgram(program: ServerProgram, { signal }: CommandInput, output: Output): Promise<number> {
  const { runServer } = await import('../../deploy/index.ts');
  const onStop = () => output.note('stopping: Triton finishes the requests under way');
  signal.addEventListener('abort', onStop, { once: true });
  const end = await runServer({
    program,
    signal,
    onLine: (line) => output.note(line),
    onReady: (client) => showServed(client, output),
  });
  signal.removeEventListener('abort', onStop);
  return judge(end, program, output);
}

function judge({ why, clean, how, lastLines }: ServerEnd, { command }: ServerProgram, output: Output): number {
  if (why === 'stopped') {
    if (!clean) output.note(`${command} did not stop well: ${how}`);
    return clean ? 0 : 1;
  }
  const said = lastLines.findLast((line) => /^E\d{4} |error|failed/i.test(line)) ?? lastLines.at(-1);
  const when = why === 'failed' ? 'before it was ready' : 'by itself';
  output.note(`${command} ended ${when}: ${how}${said ? `; it said: ${said}` : ''}`);
  if (output.json) output.printJson({ ready: why === 'broken', ended: how, lastLines });
  return 1;
}

async function showServed(client: InferenceClient, output: Output): Promise<void> {
  const [server, models] = await Promise.all([client.serverMetadata(), client.index()]);
  if (output.json) {
    output.printJson({ ready: true, url: client.url, server: { name: server.name, version: server.version }, models });
    return;
  }
  const { modelsTable } = await import('./models-table.ts');
  if (models.length > 0) output.print(modelsTable(models));
  output.print(`${server.name} ${server.version} serves at ${client.url}`);
}

async function askRemote(url: string, signal: AbortSignal, output: Output): Promise<number> {
  const { connect } = await import('../../client/index.ts');
  const { untilReady } = await import('../../deploy/index.ts');
  const client = connect(url);
  const limit = AbortSignal.timeout(remoteTimeoutMs);
  try {
    await untilReady(client, AbortSignal.any([signal, limit]));
    await showServed(client, output);
    return 0;
  } catch (error) {
    if (!limit.aborted || signal.aborted) throw error;
    if (output.json) output.printJson({ ready: false, url });
    output.note(`${url} was not ready within ${remoteTimeoutMs / 1000} s`);
    return 1;
  } finally {
    await client.close();
  }
}
