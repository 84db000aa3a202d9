import { basename } from 'node:path';
import { ConchError, compileScript } from '../../base/index.ts';
import type { Target } from '../../onnx/index.ts';
import type { PlanBuilder, TensorrtSettings } from './settings.ts';

/** A way to run trtexec on one GPU. */
export interface Builder {
  readonly where: 'docker' | 'python' | 'command';
  readonly image?: string;
  /** The GPU that it must be, where the deployment says. */
  readonly computeCapability?: string;
  /** Name of the plan in the version folder. */
  readonly plan: string;
  /** The work folder as trtexec sees it. */
  readonly folder: string;
  /** A command that prints the variables of the environment that trtexec runs in, where that says anything. */
  readonly environment?: readonly string[];
  /** Ends what `command` began: a container goes on when the process that started it is killed. */
  readonly stop?: readonly string[];
  /** The command that runs trtexec with these arguments. */
  command(args: readonly string[]): readonly string[];
}

/** Where NVIDIA's images have it. */
const trtexecInImage = '/usr/src/tensorrt/bin/trtexec';
const folderInImage = '/work';

/** NVIDIA's image of a Triton release, e.g. `nvcr.io/nvidia/tritonserver:26.07-py3`. */
export function servingImage(target: Target): string {
  return `nvcr.io/nvidia/tritonserver:${target.release}-py3`;
}

/** One builder, or one for each of the `compute_capabilities`. `python` runs the package's trtexec.py. */
export function buildersFor(
  settings: TensorrtSettings,
  options: { readonly deployed: string; readonly target: Target; readonly work: string; readonly python: string },
): readonly Builder[] {
  const several = settings.compute_capabilities;
  if (several === undefined) return [{ ...builderFor(settings, options), plan: 'model.plan' }];
  return Object.entries(several).map(([computeCapability, own]) => ({
    ...builderFor({ ...settings, ...own }, options),
    computeCapability,
    plan: `model-${computeCapability}.plan`,
  }));
}

function builderFor(
  { where = 'docker', image, gpus = 'all', trtexec }: PlanBuilder,
  { deployed, target, work, python }: { deployed: string; target: Target; work: string; python: string },
): Omit<Builder, 'plan'> {
  if (where === 'python') {
    return { where, folder: work, command: (args) => [python, compileScript('trtexec.py'), ...args] };
  }
  if (where === 'docker') {
    const taken = image ?? servingImage(target);
    const container = `conch-${basename(work)}`;
    return {
      where,
      image: taken,
      stop: ['docker', 'kill', container],
      folder: folderInImage,
      environment: ['docker', 'run', '--rm', '--entrypoint', 'printenv', taken],
      command: (args) => [
        ...['docker', 'run', '--rm', '--name', container, '--gpus', gpus, '-v', `${work}:${folderInImage}`, taken],
        ...[trtexec ?? trtexecInImage, ...args],
      ],
    };
  }
  const folder = where.folder ?? work;
  if (!/^[\w./:@%+,=-]+$/.test(folder)) {
    throw new ConchError(
      'DEPLOYMENT_INVALID',
      `models.${deployed}.tensorrt.where.folder: '${folder}' has characters that a shell on the other host would interpret`,
      { fix: 'give a path of letters, digits and ./:@%+,=_-' },
    );
  }
  const isTemplate = where.command.some((part) => part.includes('{trtexec}'));
  const fill = (part: string) => part.replaceAll('{work}', work).replaceAll('{folder}', folder);
  const prefix = where.command.map(fill);
  return {
    where: 'command',
    folder,
    ...(!isTemplate && { environment: [...prefix, 'printenv'] }),
    command: (args) => {
      const whole = [trtexec ?? 'trtexec', ...args];
      return isTemplate ? prefix.map((part) => part.replaceAll('{trtexec}', whole.join(' '))) : [...prefix, ...whole];
    },
  };
}

/** A command as a line for a POSIX shell. */
export function shellLine(command: readonly string[]): string {
  return command.map((part) => (/^[\w./:@%+,=-]+$/.test(part) ? part : `'${part.replaceAll("'", `'\\''`)}'`)).join(' ');
}
