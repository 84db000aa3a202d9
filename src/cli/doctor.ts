import { existsSync } from 'node:fs';
import { ConchError } from '../base/index.ts';
import type { LoadedDeployment } from '../compile/index.ts';
import type { DoctorEngine, DoctorReport, Examination, Finding, Machine } from '../deploy/index.ts';
import type { Target } from '../onnx/index.ts';
import type { ModelRepository } from '../repository/index.ts';
import type { Command, CommandInput } from './command.ts';
import { fileOption, findDeployment } from './deployment.ts';
import type { Output } from './output.ts';
import { table } from './table.ts';
import { port } from './values.ts';

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'say what this machine has and lacks for serving: Node.js, Docker, GPU, driver, plans, Python, ports, room',
  options: [
    {
      flags: '--engine <engine>',
      summary: 'what shall serve: embedded or triton; what it needs must be there',
      choices: ['embedded', 'triton'],
      default: 'embedded',
    },
    { flags: '--tritonserver <path>', summary: 'Triton is started from this program, not in Docker' },
    { flags: '--repository <dir>', summary: "the model repository (default: the deployment's, else models)" },
    fileOption,
    { flags: '--target <release>', summary: "Triton release, e.g. triton:26.07 (default: the deployment's)" },
    { flags: '--gpu', summary: 'Triton shall have a GPU (default: when a model needs one)' },
    { flags: '--cpu', summary: 'it shall have none' },
    { flags: '--http-port <port>', summary: "the server's port for HTTP (default: 8000)", parse: port },
    { flags: '--grpc-port <port>', summary: "the server's port for gRPC (default: 8001)", parse: port },
    { flags: '--metrics-port <port>', summary: "the server's port for metrics (default: 8002)", parse: port },
  ],
  example: 'conch doctor --engine triton',
  async action(input, output) {
    const { examine } = await import('../deploy/index.ts');
    const report = await examine(await examinationOf(input));
    if (output.json) output.printJson(report);
    else print(report, output);
    return report.passed ? 0 : 1;
  },
};

/** What to look at, from the flags of a command. */
export async function examinationOf({ options, signal }: CommandInput, machine?: Machine): Promise<Examination> {
  if (options.gpu === true && options.cpu === true) throw new ConchError('USAGE', '--gpu and --cpu exclude each other');
  const { modelWithGpu, thisMachine } = await import('../deploy/index.ts');
  const engine = options.engine as DoctorEngine;
  const tritonserver = options.tritonserver as string | undefined;
  const loaded = await findDeployment(options.file);
  const repository = await repositoryFrom(options.repository, loaded);
  const byModels = repository !== undefined && modelWithGpu(repository) !== undefined;
  const byDeployment = loaded?.deployment.deploy?.gpu ?? byModels;
  return {
    machine: machine ?? thisMachine(signal),
    ...{ engine, tritonserver, loaded, repository, signal },
    target: await targetFrom(options.target ?? loaded?.deployment.target),
    gpu: options.gpu === true || (options.cpu !== true && byDeployment),
    ports: portsOf(options, loaded, engine === 'triton' && tritonserver === undefined),
  };
}

async function targetFrom(name: unknown): Promise<Target> {
  const { defaultTarget, findTarget } = await import('../onnx/index.ts');
  const target = name === undefined ? defaultTarget : findTarget(name as string);
  return target.release === undefined ? defaultTarget : target;
}

/** None, where nothing was compiled yet: the machine can be looked at before. */
async function repositoryFrom(named: unknown, loaded?: LoadedDeployment): Promise<ModelRepository | undefined> {
  const { repositoryOf } = await import('../compile/index.ts');
  const path = (named as string | undefined) ?? (loaded ? repositoryOf(loaded) : 'models');
  if (!existsSync(path)) {
    if (named === undefined) return undefined;
    throw new ConchError('FILE_NOT_FOUND', `no model repository at ${path}`, {
      fix: 'name the folder that holds <model>/config.pbtxt',
    });
  }
  const { openRepository } = await import('../repository/index.ts');
  return openRepository(path);
}

function portsOf(
  options: CommandInput['options'],
  loaded: LoadedDeployment | undefined,
  inCompose: boolean,
): Examination['ports'] {
  const published = loaded?.deployment.deploy?.compose?.ports ?? {};
  const given = (use: string, port: unknown) =>
    port === undefined || port === 0 ? [] : [{ port: port as number, use }];
  if (inCompose) {
    const { proxy = 8080, prometheus = 9090, grafana = 3000, ...triton } = published;
    return Object.entries({ proxy, prometheus, grafana, ...triton }).flatMap(([use, port]) => given(use, port));
  }
  return [
    ...given('HTTP', options.httpPort ?? 8000),
    ...given('gRPC', options.grpcPort ?? 8001),
    ...given('metrics', options.metricsPort ?? 8002),
  ];
}

function print(report: DoctorReport, output: Output): void {
  const { bold, dim, green, red, yellow } = output.colors;
  const shown: Record<Finding['status'], string> = {
    ok: green('ok'),
    warning: yellow('warning'),
    missing: red('missing'),
    absent: dim('not needed'),
  };
  const rows = report.findings.map(({ subject, status, detail, fix }) => [
    bold(subject),
    shown[status],
    fix === undefined || status === 'absent' ? detail : `${detail}\nfix: ${fix}`,
  ]);
  output.print(table(['', '', `for ${report.engine}, ${report.target}${report.gpu ? ', GPU' : ''}`], rows));
  const missing = report.findings.filter(({ status }) => status === 'missing').length;
  output.print(
    missing === 0
      ? `\nnothing that the engine ${report.engine} needs is missing`
      : `\n${missing} missing for the engine ${report.engine}`,
  );
}
