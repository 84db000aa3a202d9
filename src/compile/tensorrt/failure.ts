import { ConchError } from '../../base/index.ts';
import type { RunEnd } from '../python/process.ts';
import { type Builder, shellLine } from './builder.ts';
import type { TrtexecLog } from './log.ts';
import { workFiles } from './trtexec.ts';

interface FailedStep {
  readonly name: string;
  readonly builder: Builder;
  readonly command: readonly string[];
  readonly work: string;
  readonly logFile: string;
  readonly timeoutSeconds: number;
}

/** What a line says when it is not TensorRT that failed but what it needs, and what to do. */
const missing: readonly { readonly said: RegExp; readonly is: string; readonly fix: string }[] = [
  {
    said: /could not select device driver|nvidia-container-cli|unresolvable CDI devices|no known GPU vendor/i,
    is: 'Docker gives containers no GPU here',
    fix: 'install the NVIDIA Container Toolkit on a machine with an NVIDIA GPU',
  },
  {
    said: /Cannot connect to the Docker daemon|docker daemon is not running|permission denied.*docker\.sock/i,
    is: 'the Docker daemon cannot be reached',
    fix: 'start it, and let this user use it',
  },
  {
    said: /Unable to find image|manifest unknown|pull access denied|not found: manifest/i,
    is: 'the image cannot be pulled',
    fix: 'check `image` and the network, or pull it beforehand',
  },
  {
    said: /Cuda failure: no CUDA-capable device|no CUDA-capable device is detected|CUDA driver version is insufficient|libcuda\.so\.1/i,
    is: 'there is no usable GPU where trtexec runs',
    fix: 'build on a machine with an NVIDIA GPU and a driver that is new enough',
  },
  {
    said: /trtexec["']?: (?:stat|no such file|not found|command not found)|exec:? .*trtexec.* (?:executable file )?not found|trtexec.*No such file/i,
    is: 'trtexec is not there',
    fix: "give its path in tensorrt.trtexec, or as image NVIDIA's tensorrt image of the same TensorRT",
  },
  {
    said: /No module named '?tensorrt/i,
    is: 'the package tensorrt is not installed',
    fix: 'install it in the Python that compile steps use, in the version of the target',
  },
];

/** The error for a step that ended badly, in trtexec's own words where it has any. */
export function stepFailed(step: FailedStep, ended: RunEnd, log: TrtexecLog): ConchError {
  const { name, builder, command, logFile, timeoutSeconds } = step;
  const place = { where: { file: logFile } };
  if (ended.how === 'timeout') {
    return new ConchError('PLAN_FAILED', `${name}: ${command[0]} was not done after ${timeoutSeconds} s`, {
      ...place,
      fix: `raise tensorrt.timeout_seconds, or lower builder_optimization_level; what it was doing is in ${logFile}`,
    });
  }
  const said = [...log.facts.errors, ...ended.lastLines];
  const lacks = missing.find(({ said: pattern }) => said.some((line) => pattern.test(line)));
  const last = ended.lastLines.findLast((line) => line.trim() !== '' && !line.startsWith('&&&&'))?.trim();
  const why = log.reason ?? last ?? ended.how;
  if (lacks) {
    return new ConchError('ENVIRONMENT_MISSING', `${name}: ${lacks.is} (${lastError(said, lacks.said)})`, {
      fix: `${lacks.fix}; ${elsewhere(step)}`,
    });
  }
  return new ConchError('PLAN_FAILED', `${name}: trtexec: ${why}`, {
    ...place,
    fix: `${fixOf(why, builder)}. The whole output is in ${logFile}`,
  });
}

function lastError(lines: readonly string[], pattern: RegExp): string {
  return lines
    .find((line) => pattern.test(line))!
    .trim()
    .slice(0, 300);
}

/** Without the program itself: docker, ssh or another. */
export function programMissing({ name, builder, command, work, ...step }: FailedStep): ConchError {
  const is =
    builder.where === 'docker'
      ? 'a plan is built in the serving image, and docker is not on PATH'
      : `${command[0]} is not on PATH`;
  return new ConchError('ENVIRONMENT_MISSING', `${name}: ${is}`, {
    fix: `install Docker with the NVIDIA Container Toolkit, or set tensorrt.where; ${elsewhere({ name, builder, command, work, ...step })}`,
  });
}

/** How to get the plan where it cannot be built here. */
function elsewhere({ work, command }: FailedStep): string {
  return (
    `or build on another host with where: { command: ['ssh', 'gpu-host'], folder: ... }. ${work} holds ${workFiles.onnx}; ` +
    `the command was: ${shellLine(command)}`
  );
}

function fixOf(why: string, { where }: Builder): string {
  if (/out of memory|OutOfMemory|insufficient memory/i.test(why)) {
    return 'free the GPU of other work, set tensorrt.workspace (MiB), or lower max_batch_size or max_length';
  }
  if (/parseFromFile|ONNX|onnx|ModelImporter|UNSUPPORTED_NODE|Unsupported operator|In node/i.test(why)) {
    return "TensorRT's parser refuses the graph: use precision 'fp32' or 'fp16', or a target with a newer TensorRT";
  }
  if (/profile|shape|dimension/i.test(why)) return 'compare tensorrt.profiles with what the model takes';
  if (/deseriali[sz]|library version|different version/i.test(why)) {
    return 'the plan and what runs it must be of the same TensorRT: leave image out, or build anew with --force';
  }
  return where === 'docker'
    ? 'run the command by hand in the image to see more'
    : 'run the command by hand there to see more';
}
