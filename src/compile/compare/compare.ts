import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ConchError, makeFolders, type Progress, packageVersion, silentProgress, track } from '../../base/index.ts';
import { openCheckpoint, resolveCheckpoint } from '../../checkpoint/index.ts';
import { defaultTarget, findTarget } from '../../onnx/index.ts';
import { tokenizerFiles } from '../../text/index.ts';
import { type CheckpointDeployment, isCheckpointDeployment } from '../deployment.ts';
import { readTexts } from '../gate/texts.ts';
import type { LoadedDeployment } from '../load-deployment.ts';
import { encoderFolder } from '../sentence-modules.ts';
import { checkTokenizerFits } from '../tokenizer-fit.ts';
import { Bench, type Subject } from './bench.ts';
import { describeMachine } from './machine.ts';
import { findPythonSupport } from './python-support.ts';
import type { CompareReport } from './report.ts';
import { planVariants, referenceId } from './variants.ts';

export interface CompareOptions {
  /** The deployment's model; its only checkpoint unless given. */
  readonly model?: string;
  /** Overrides the deployment's target. */
  readonly target?: string;
  /** Ids or makers; all unless given. What they are made from and compared with comes along. */
  readonly variants?: readonly string[];
  /** Rounds of timing; 3 unless given. */
  readonly rounds?: number;
  /** Of one operator; as many as there are cores unless given. */
  readonly threads?: number;
  /** The Python for the variants of others; CONCH_PYTHON or the environment of `conch env` unless given. */
  readonly python?: string;
  /** Folder that keeps the files, one folder a variant; a scratch folder, deleted in the end, unless given. */
  readonly keep?: string;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/**
 * Builds one model in all the ways there are, each in a process of its own, and tells what each costs and gives. Nothing
 * goes into the repository. Throws where the model cannot be compiled at all; a variant that cannot be built says so in the report.
 */
export async function compareVariants(loaded: LoadedDeployment, options: CompareOptions = {}): Promise<CompareReport> {
  const { progress = silentProgress, signal, rounds = 3, threads = availableParallelism() } = options;
  const plan = planVariants(options.variants);
  const [name, deployment] = chooseCheckpoint(loaded, options.model);
  const wantedTarget = options.target ?? loaded.deployment.target;
  const target = wantedTarget ? findTarget(wantedTarget) : defaultTarget;
  const machine = describeMachine();
  const subject = await openSubject(loaded.baseDir, deployment, progress);
  const asksPython = plan.some(({ step }) => step.kind === 'python');
  const python = asksPython
    ? await track(progress, 'looking for Python with PyTorch', () =>
        findPythonSupport({ python: options.python, signal }),
      )
    : { versions: {}, missing: () => undefined };
  if (options.keep !== undefined) await makeFolders(options.keep);
  const work = options.keep === undefined ? await mkdtemp(join(tmpdir(), 'conch-compare-')) : resolve(options.keep);
  try {
    const bench = new Bench({ subject, target: target.name, python, threads, work, signal });
    for (const variant of plan) await bench.build(variant, progress);
    for (const variant of plan) await bench.compare(variant, progress);
    for (let round = 0; round < rounds; round++) await bench.time(plan, round, rounds, progress);
    return {
      ...{ model: name, target: target.name, reference: referenceId, ...bench.facts, rounds, threads, machine },
      versions: {
        conch: packageVersion(),
        node: process.version.slice(1),
        'onnxruntime-node': runtimeVersion(),
        ...python.versions,
      },
      variants: plan.map((variant) => bench.reportOf(variant)),
    };
  } finally {
    if (options.keep === undefined) await rm(work, { recursive: true, force: true });
  }
}

function runtimeVersion(): string {
  return (createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }).version;
}

function chooseCheckpoint(
  { deployment: { models } }: LoadedDeployment,
  wanted: string | undefined,
): [string, CheckpointDeployment] {
  if (wanted !== undefined && models[wanted] === undefined) {
    throw new ConchError('USAGE', `the deployment has no model '${wanted}'; it has ${Object.keys(models).join(', ')}`);
  }
  const fitting = Object.entries(models).filter(([, model]) => isCheckpointDeployment(model));
  const chosen = wanted === undefined ? fitting : fitting.filter(([name]) => name === wanted);
  if (chosen.length === 1) return chosen[0] as [string, CheckpointDeployment];
  if (wanted !== undefined) {
    throw new ConchError('NOT_SUPPORTED', `--compare builds variants of checkpoints, and '${wanted}' is none`, {
      fix: fitting.length > 0 ? `compare ${fitting.map(([name]) => name).join(' or ')}` : 'name a checkpoint',
    });
  }
  const names = fitting.map(([name]) => name);
  throw new ConchError('USAGE', `--compare takes one model, and the deployment has ${names.length} checkpoints`, {
    fix:
      names.length > 0 ? `name one of ${names.join(', ')}` : 'name a checkpoint: conch compile ./checkpoint --compare',
  });
}

async function openSubject(baseDir: string, deployment: CheckpointDeployment, progress: Progress): Promise<Subject> {
  const { revision, expect, text_pair: pairs, max_length: maxLength, reduce_range: reduceRange = false } = deployment;
  const resolved = await resolveCheckpoint(deployment.checkpoint, {
    ...{ baseDir, progress },
    ...(revision !== undefined && { revision }),
  });
  const dir = await encoderFolder(resolved.dir);
  const checkpoint = await openCheckpoint(dir);
  const tokenizer = await tokenizerFiles(dir, {});
  checkTokenizerFits(tokenizer, checkpoint);
  const texts = expect === undefined ? [] : await readTexts(resolve(baseDir, expect));
  return {
    dir,
    root: resolved.dir,
    className: checkpoint.architecture,
    tokenizer,
    texts,
    pairs,
    maxLength,
    reduceRange,
  };
}
