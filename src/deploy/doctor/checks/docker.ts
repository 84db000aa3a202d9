import { servingImage } from '../../../compile/index.ts';
import { type Check, type Examination, type Finding, lacking } from '../examination.ts';
import type { Machine } from '../machine.ts';

interface DockerInfo {
  readonly ServerVersion?: string;
  readonly DockerRootDir?: string;
  readonly Runtimes?: Readonly<Record<string, unknown>>;
  /** Devices by the Container Device Interface, Docker 28.3 and later. */
  readonly DiscoveredDevices?: readonly { readonly ID?: string }[] | null;
}

/** What the Docker daemon says of itself; undefined where none answers. */
export async function dockerInfo(machine: Machine): Promise<DockerInfo | undefined> {
  const answer = await machine.run('docker', ['info', '--format', '{{json .}}']);
  if (answer?.code !== 0) return undefined;
  try {
    return JSON.parse(answer.stdout) as DockerInfo;
  } catch {
    return undefined;
  }
}

/** Docker is what Triton is started with, unless a program was named. */
export const docker: Check = async (examination) => {
  const { machine, engine, tritonserver } = examination;
  const needed = engine === 'triton' && tritonserver === undefined;
  const version = await machine.run('docker', ['version', '--format', '{{.Client.Version}}']);
  if (version === undefined) {
    const fix = 'install Docker Engine with the Compose plugin, or name a program with --tritonserver';
    return [lacking('docker', needed, 'there is no program docker', fix)];
  }
  const info = await dockerInfo(machine);
  const findings = [await daemon(examination, needed, version.stdout.trim(), info), await compose(examination, needed)];
  if (!info) return findings;
  if (examination.gpu) findings.push(runtime(info, needed));
  findings.push(await image(examination));
  return findings;
};

async function daemon(
  { machine }: Examination,
  needed: boolean,
  client: string,
  info: DockerInfo | undefined,
): Promise<Finding> {
  if (info) return { subject: 'docker', status: 'ok', detail: `Docker ${info.ServerVersion ?? client}` };
  const answer = await machine.run('docker', ['info']);
  const said = `${answer?.stderr ?? ''}`.trim().split('\n').at(-1) ?? '';
  const isDenied = /permission denied/i.test(said);
  const detail = `Docker ${client || 'is there'}, but its daemon does not answer${said ? `: ${said.slice(0, 200)}` : ''}`;
  const fix = isDenied ? 'let this user use Docker (group docker), or run as one who may' : 'start the Docker daemon';
  return lacking('docker', needed, detail, fix);
}

async function compose({ machine }: Examination, needed: boolean): Promise<Finding> {
  const answer = await machine.run('docker', ['compose', 'version', '--short']);
  if (answer?.code === 0) return { subject: 'docker compose', status: 'ok', detail: `Compose ${answer.stdout.trim()}` };
  const fix = 'install the Compose plugin (docker-compose-plugin), version 2 or later';
  return lacking('docker compose', needed, 'docker has no command compose', fix);
}

function runtime({ Runtimes = {}, DiscoveredDevices }: DockerInfo, needed: boolean): Finding {
  const subject = 'docker gpu';
  const byInterface = (DiscoveredDevices ?? []).some(({ ID = '' }) => ID.startsWith('nvidia.com/'));
  if ('nvidia' in Runtimes || byInterface) {
    const detail = `containers get GPUs (${'nvidia' in Runtimes ? 'runtime nvidia' : 'Container Device Interface'})`;
    return { subject, status: 'ok', detail };
  }
  const fix = 'install the NVIDIA Container Toolkit, run nvidia-ctk runtime configure --runtime=docker, restart Docker';
  return lacking(subject, needed, 'Docker gives containers no GPU', fix);
}

async function image({ machine, target }: Examination): Promise<Finding> {
  const name = servingImage(target);
  const answer = await machine.run('docker', ['image', 'inspect', '--format', '{{.Size}}', name]);
  if (answer?.code === 0) return { subject: 'triton image', status: 'ok', detail: `${name} is here` };
  return {
    subject: 'triton image',
    status: 'absent',
    detail: `${name} is not here yet`,
    fix: `the first start pulls it; beforehand: docker pull ${name}`,
  };
}
