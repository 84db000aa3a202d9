import { ConchError } from '../../base/index.ts';
import type { Target } from '../../onnx/index.ts';
import type { Precision } from '../lowering/lower.ts';
import type { Builder } from './builder.ts';
import type { TrtexecFacts } from './log.ts';
import type { TensorrtSettings } from './settings.ts';

/** Strongly typed with standard operators; INT8 between QuantizeLinear and DequantizeLinear. */
const planPrecisions: readonly Precision[] = ['fp32', 'fp16', 'int8-static'];

/** Equal as far as both go: `10.16.0` and what an image's TRT_VERSION says, `10.16.0.72+cuda13.2`. */
export function sameVersion(one: string, other: string): boolean {
  const [parts, others] = [one, other].map((version) => version.replace(/\+.*$/, '').split('.')) as [
    string[],
    string[],
  ];
  return parts.every((part, index) => others[index] === undefined || others[index] === part);
}

/** Throws DEPLOYMENT_INVALID for a precision that is not in the graph in a way that TensorRT takes. */
export function checkPrecision(name: string, precision: Precision): void {
  if (planPrecisions.includes(precision)) return;
  throw new ConchError(
    'DEPLOYMENT_INVALID',
    `models.${name}.precision: a TensorRT plan is built from ${planPrecisions.join(', ')}, got ${precision}`,
    { fix: "use 'fp16', or 'int8-static' for INT8" },
  );
}

/** The TensorRT that a plan must be of; undefined where neither target nor deployment tells. */
export function wantedVersion(name: string, target: Target, settings: TensorrtSettings): string | undefined {
  const { version } = settings;
  if (target.release === undefined) {
    throw new ConchError('DEPLOYMENT_INVALID', `models.${name}.tensorrt: target ${target.name} has no TensorRT`, {
      fix: 'set target to the Triton release that will serve the plan, e.g. triton:26.07',
    });
  }
  if (version !== undefined && target.tensorrt !== undefined && !sameVersion(version, target.tensorrt)) {
    throw new ConchError(
      'DEPLOYMENT_INVALID',
      `models.${name}.tensorrt.version: ${version}, but ${target.name} has TensorRT ${target.tensorrt}`,
      { fix: 'leave version out, or name the release that has it as target' },
    );
  }
  return version ?? target.tensorrt;
}

interface Fit {
  readonly name: string;
  readonly target: Target;
  readonly wanted: string | undefined;
  readonly builder: Builder;
  /** Variables of the environment that trtexec runs in. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Before anything is built: whether what trtexec would build can fit at all. Throws PLAN_FAILED. */
export function checkBuilder({ name, target, wanted, builder, environment }: Fit): void {
  const has = environment.TRT_VERSION;
  if (wanted !== undefined) {
    if (has !== undefined && !sameVersion(wanted, has)) throw wrongVersion(name, has, target, wanted, builder);
    return;
  }
  const { NVIDIA_TRITON_SERVER_VERSION: release, TRITON_SERVER_VERSION: server } = environment;
  if (release === target.release || (server !== undefined && server === target.server)) return;
  const found = release ?? server;
  const what =
    builder.where === 'docker'
      ? found === undefined
        ? `image ${builder.image} does not say that it is Triton ${target.release}`
        : `image ${builder.image} is Triton ${found}, the target is ${target.release}`
      : `nothing tells which TensorRT ${target.name} has, so that a plan built outside its image cannot be known to fit`;
  throw new ConchError('PLAN_FAILED', `${name}: ${what}`, {
    fix: "build it in the target's own image (where: 'docker', no image), or give tensorrt.version, what the serving image has",
  });
}

/** Whether what was built fits. Throws PLAN_FAILED; what cannot be told does not fit. */
export function checkBuilt({ name, target, wanted, builder }: Fit, { version, computeCapability }: TrtexecFacts): void {
  if (version === undefined || computeCapability === undefined) {
    const lacks = version === undefined ? 'its TensorRT version' : 'the compute capability of the GPU';
    throw new ConchError(
      'PLAN_FAILED',
      `${name}: trtexec did not print ${lacks}, so that the plan cannot be known to fit`,
      {
        fix: 'have its standard output reach this process as it is',
      },
    );
  }
  if (wanted !== undefined && !sameVersion(wanted, version)) throw wrongVersion(name, version, target, wanted, builder);
  if (builder.computeCapability !== undefined && builder.computeCapability !== computeCapability) {
    throw new ConchError(
      'PLAN_FAILED',
      `${name}: the plan for compute capability ${builder.computeCapability} was built on a GPU of ${computeCapability}`,
      { fix: 'name the right GPU: gpus: "device=1", or another host in `where`' },
    );
  }
}

function wrongVersion(name: string, has: string, target: Target, wanted: string, builder: Builder): ConchError {
  const by = builder.image ?? `where: ${builder.where}`;
  return new ConchError(
    'PLAN_FAILED',
    `${name}: ${by} has TensorRT ${has}, ${target.name} loads plans of ${wanted}; nothing was written`,
    {
      fix:
        builder.where === 'docker'
          ? "leave image out to build in the target's own, or name the release that the image is of as target"
          : `install TensorRT ${wanted} there, or build in the target's own image (where: 'docker')`,
    },
  );
}
