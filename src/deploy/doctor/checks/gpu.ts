import { compareVersions, imageDrivers, lowestCapabilities, oldestDrivers } from '../drivers.ts';
import { type Check, type Examination, type Finding, lacking } from '../examination.ts';
import type { Machine } from '../machine.ts';
import { type Gpu, gpuQuery, parseGpus } from '../nvidia-smi.ts';

/** The GPUs; undefined where there is no driver to ask. */
export async function gpusOf(machine: Machine): Promise<Gpu[] | undefined> {
  const answer = await machine.run('nvidia-smi', gpuQuery);
  return answer?.code === 0 ? parseGpus(answer.stdout) : undefined;
}

export const gpu: Check = async (examination) => {
  const { machine, engine } = examination;
  // The embedded server runs on processors only.
  const needed = engine === 'triton' && examination.gpu;
  const answer = await machine.run('nvidia-smi', gpuQuery);
  const fix = 'install the driver of the GPU, or serve without one: --cpu';
  if (answer === undefined) return [lacking('gpu', needed, 'there is no NVIDIA driver (no nvidia-smi)', fix)];
  const gpus = answer.code === 0 ? parseGpus(answer.stdout) : [];
  if (gpus.length === 0) {
    const said = (answer.stderr || answer.stdout).trim().split('\n')[0] || 'no GPU';
    return [lacking('gpu', needed, `nvidia-smi says: ${said}`, fix)];
  }
  const findings = gpus.map(({ index, name, memoryMiB, freeMiB, computeCapability }): Finding => {
    const capability = computeCapability === undefined ? '' : `, compute capability ${computeCapability}`;
    return {
      subject: `gpu ${index}`,
      status: 'ok',
      detail: `${name}, ${freeMiB} of ${memoryMiB} MiB free${capability}`,
    };
  });
  return [...findings, driver(examination, gpus[0]!.driver, needed), ...capability(examination, gpus, needed)];
};

/** The driver against the image: the one it was built with, the oldest of its CUDA's major version, or older. */
function driver({ target }: Examination, found: string, needed: boolean): Finding {
  const subject = 'driver';
  const built = imageDrivers[target.release!];
  const cuda = target.cuda!;
  const oldest = oldestDrivers[cuda.split('.')[0]!];
  if (built !== undefined && compareVersions(found, built) >= 0) {
    return { subject, status: 'ok', detail: `${found}, ${target.name} was built with ${built}` };
  }
  if (oldest === undefined || compareVersions(found, oldest) >= 0) {
    const why = built === undefined ? '' : `; ${target.name} was built with ${built}`;
    return {
      subject,
      status: 'ok',
      detail: `${found} runs CUDA ${cuda}, by its minor version compatibility${why}`,
    };
  }
  return lacking(
    subject,
    needed,
    `${found} is too old for CUDA ${cuda} of ${target.name}, which needs ${oldest}`,
    `install driver ${built ?? oldest} or later, or choose an older target; GPUs for data centres may do with the image's own compatibility libraries`,
  );
}

function capability({ target }: Examination, gpus: readonly Gpu[], needed: boolean): Finding[] {
  const lowest = lowestCapabilities[target.cuda!.split('.')[0]!];
  if (lowest === undefined) return [];
  return gpus.flatMap(({ index, name, computeCapability }) => {
    if (computeCapability === undefined || compareVersions(computeCapability, String(lowest)) >= 0) return [];
    const detail = `${name} has compute capability ${computeCapability}, CUDA ${target.cuda} has code from ${lowest} on`;
    const fix = 'use a newer GPU, or an older target: triton:25.07 and before have CUDA 12';
    return [lacking(`gpu ${index}`, needed, detail, fix)];
  });
}
