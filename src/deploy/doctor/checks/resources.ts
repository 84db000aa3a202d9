import { formatBytes } from '../../../base/index.ts';
import type { Check, Examination, Finding } from '../examination.ts';
import { dockerInfo } from './docker.ts';

/** The ports that the engine listens on, and who holds them. */
export const ports: Check = async ({ machine, ports: wanted }) => {
  const listeners = await machine.listeners();
  return wanted.map(({ port, use }): Finding => {
    const subject = `port ${port}`;
    const taken = listeners.find((listener) => listener.port === port);
    if (taken === undefined) return { subject, status: 'ok', detail: `free, for ${use}` };
    const who = taken.pid === undefined ? "another user's process" : `${taken.program ?? 'process'} (${taken.pid})`;
    return {
      subject,
      status: 'missing',
      detail: `held by ${who}, but ${use} listens on it`,
      fix:
        taken.pid === undefined
          ? 'end that process, or choose another port'
          : `end process ${taken.pid}, or choose another port`,
    };
  });
};

const gib = 1024 ** 3;
/** Triton's images unpack to this; the matrix in its repository lists 12 to 30 GB. */
const imageBytes = 30 * gib;

export const disk: Check = async (examination) => {
  const { machine, engine, repository, tritonserver } = examination;
  const findings: Finding[] = [];
  const look = async (subject: string, path: string, needed: number, what: string) => {
    const space = await machine.space(path);
    if (space === undefined) return;
    const enough = space.free >= needed;
    findings.push({
      subject,
      status: enough ? 'ok' : 'warning',
      detail: `${formatBytes(space.free)} free${enough ? '' : `, ${what} takes up to ${formatBytes(needed)}`}`,
      ...(!enough && { fix: 'free some room, or move it to another disk' }),
    });
  };
  if (repository) await look('disk of models', repository.root, gib, 'another version');
  if (engine === 'triton' && tritonserver === undefined && !(await imageIsHere(examination))) {
    const root = (await dockerInfo(machine))?.DockerRootDir;
    if (root !== undefined) await look('disk of docker', root, imageBytes, "Triton's image");
  }
  return findings;
};

async function imageIsHere({ machine, target }: Examination): Promise<boolean> {
  const { servingImage } = await import('../../../compile/index.ts');
  return (await machine.run('docker', ['image', 'inspect', servingImage(target)]))?.code === 0;
}

/** Weights, and room to compute, against the memory that can be had; and /dev/shm for Python models. */
export const memory: Check = async ({ machine, repository, engine, tritonserver }) => {
  const { total, available } = await machine.memory();
  const files = (repository?.models ?? []).flatMap(({ versions }) => versions.at(-1)?.files ?? []);
  const weights = files.reduce((sum, { size }) => sum + size, 0);
  // A session holds the weights and packs them anew, and computes beside.
  const needed = 2 * weights;
  const enough = available >= needed;
  const said = `${formatBytes(available)} of ${formatBytes(total)} can be had`;
  const findings: Finding[] = [
    enough
      ? { subject: 'memory', status: 'ok', detail: said }
      : {
          subject: 'memory',
          status: 'warning',
          detail: `${said}, models with ${formatBytes(weights)} of files may take ${formatBytes(needed)}`,
          fix: 'end other programs, serve fewer models, or lower their precision',
        },
  ];
  const isHere = engine === 'embedded' || tritonserver !== undefined;
  const needy = (repository?.models ?? []).some(({ parsed }) => parsed?.config.backend === 'python');
  if (!isHere || !needy) return findings;
  const shared = await machine.space('/dev/shm');
  if (shared === undefined) return findings;
  const room = shared.total >= sharedBytes;
  findings.push({
    subject: '/dev/shm',
    status: room ? 'ok' : 'warning',
    detail: `${formatBytes(shared.total)}${room ? '' : ', Python models pass tensors through it'}`,
    ...(!room && { fix: 'make it larger; in a container: --shm-size=1g' }),
  });
  return findings;
};

/** Docker gives containers 64 MB of it, which one large tensor fills. */
const sharedBytes = 256 * 1024 ** 2;
