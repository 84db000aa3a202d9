import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConchError, cacheDirectory, hashFile, type ProgressTask } from '../../base/index.ts';
import { bytesOf } from '../../tensor/index.ts';
import { runLogged } from '../python/process.ts';
import type { Builder } from './builder.ts';
import { programMissing, stepFailed } from './failure.ts';
import { checkBuilder, checkBuilt } from './fit.ts';
import { parseEnvironment, type TrtexecFacts, TrtexecLog } from './log.ts';
import { type BuilderSteps, type PlanOrder, type PlanStep, sampleFolder, stepsOf } from './plan-order.ts';
import { workFiles } from './trtexec.ts';

export interface PlanRun {
  readonly order: PlanOrder;
  /** TensorRT that the plan must be of; undefined where only the image can tell. */
  readonly wanted: string | undefined;
  /** Measured kernels, taken over and brought up to date. */
  readonly timingCache: string;
  readonly task: ProgressTask;
  readonly signal?: AbortSignal | undefined;
}

/** A plan that fits its target. */
export interface BuiltPlan {
  readonly builder: Builder;
  /** Where it lies. */
  readonly path: string;
  readonly version: string;
  readonly cuda: string | undefined;
  readonly computeCapability: string;
  readonly device: string | undefined;
  /** Of the timing cache after the build, where there is one. */
  readonly timingCache: { readonly hash: string } | undefined;
}

const defaultTimeoutSeconds = 3600;
const logName = (name: string) => join(cacheDirectory(), 'logs', `${name}-tensorrt.log`);

/**
 * Builds the plans of `order`, whose folder holds the ONNX, and runs each on the samples: the outputs lie in
 * `<work>/<sample>/outputs.json` until `use`, which is called after each plan, has returned. Everything printed goes to
 * `logs/<name>-tensorrt.log` in conch's cache. Throws PLAN_FAILED or ENVIRONMENT_MISSING.
 */
export async function buildPlans(run: PlanRun, use: (plan: BuiltPlan) => Promise<void>): Promise<readonly BuiltPlan[]> {
  const { order, timingCache } = run;
  await rm(logName(order.name), { force: true });
  await writeSamples(order);
  const plans: BuiltPlan[] = [];
  for (const steps of stepsOf(order)) {
    const { builder } = steps;
    const environment = parseEnvironment(await environmentOf(run, steps));
    const fit = { ...order, wanted: run.wanted, builder, environment };
    checkBuilder(fit);
    const path = join(order.work, builder.plan);
    const cache = join(order.work, workFiles.timingCache);
    await rm(path, { force: true });
    await rm(cache, { force: true });
    await copyFile(timingCache, cache).catch(() => {}); // None yet.
    const facts = await runStep(run, steps, steps.build);
    checkBuilt(fit, facts);
    await requirePlan(order.name, path);
    const plan: BuiltPlan = {
      ...{ builder, path, version: facts.version!, computeCapability: facts.computeCapability! },
      cuda: environment.CUDA_VERSION ?? facts.cuda,
      device: facts.device,
      timingCache: await keep(cache, timingCache),
    };
    for (const [index, step] of steps.runs.entries()) {
      await rm(join(order.work, sampleFolder(index), 'outputs.json'), { force: true });
      await runStep(run, steps, step);
    }
    await use(plan);
    plans.push(plan);
  }
  return plans;
}

/** The inputs of every sample as trtexec's --loadInputs reads them: elements one after the other, nothing else. */
async function writeSamples({ work, samples }: PlanOrder): Promise<void> {
  for (const [index, { inputs }] of samples.entries()) {
    const folder = join(work, sampleFolder(index));
    await mkdir(folder, { recursive: true });
    for (const tensor of inputs) await writeFile(join(folder, `${tensor.name}.bin`), bytesOf(tensor));
  }
}

async function environmentOf(run: PlanRun, { builder, environment }: BuilderSteps): Promise<string[]> {
  if (environment === undefined) return [];
  const lines: string[] = [];
  const log = new TrtexecLog();
  run.task.update(undefined, builder.image === undefined ? 'asking' : `asking ${builder.image}`);
  const ended = await start(run, builder, environment, (line) => {
    lines.push(line);
    log.add(line);
  });
  // Only an image must say what it is: another host may have no printenv.
  if (ended.code !== 0 && builder.where === 'docker') throw failed(run, builder, environment, ended, log);
  return lines;
}

async function runStep(run: PlanRun, { builder }: BuilderSteps, step: PlanStep): Promise<TrtexecFacts> {
  const log = new TrtexecLog();
  const doing = step.does === 'build' ? `building ${builder.plan}` : `running ${builder.plan}`;
  run.task.update(undefined, doing);
  const ended = await start(run, builder, step, (line) => {
    const shown = log.add(line);
    if (shown !== undefined) run.task.update(undefined, `${doing}: ${shown}`);
  });
  // trtexec ends with 0 after some failures, and a prefix may swallow its exit code.
  if (ended.code !== 0 || !log.facts.passed) throw failed(run, builder, step, ended, log);
  return log.facts;
}

async function start(
  run: PlanRun,
  builder: Builder,
  step: PlanStep,
  onLine: (line: string) => void,
): ReturnType<typeof runLogged> {
  const [command, ...args] = step.command as [string, ...string[]];
  let ended = false;
  try {
    const end = await runLogged({
      ...{ command, args, signal: run.signal, onLine },
      logFile: logName(run.order.name),
      timeoutMs: 1000 * timeoutOf(run),
    });
    ended = end.how !== 'timeout';
    return end;
  } catch (error) {
    if (error instanceof ConchError && error.code === 'FILE_NOT_FOUND')
      throw programMissing(describe(run, builder, step));
    throw error;
  } finally {
    if (!ended && builder.stop && step.does !== 'environment') await stop(builder.stop);
  }
}

/** Best effort: the container may have ended, or never begun. */
async function stop([command, ...args]: readonly string[]): Promise<void> {
  await runLogged({ command: command!, args, timeoutMs: 10_000 }).catch(() => {});
}

function failed(
  run: PlanRun,
  builder: Builder,
  step: PlanStep,
  ended: Awaited<ReturnType<typeof runLogged>>,
  log: TrtexecLog,
) {
  return stepFailed(describe(run, builder, step), ended, log);
}

function describe(run: PlanRun, builder: Builder, { command }: PlanStep) {
  const { name, work } = run.order;
  return { name, builder, command, work, logFile: logName(name), timeoutSeconds: timeoutOf(run) };
}

function timeoutOf({ order }: PlanRun): number {
  return order.settings.timeout_seconds ?? defaultTimeoutSeconds;
}

async function requirePlan(name: string, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() && found.size > 0) return;
  throw new ConchError('PLAN_FAILED', `${name}: trtexec passed, but there is no plan at ${path}`, {
    fix: 'where trtexec runs elsewhere, the command must bring the files of its folder back: see tensorrt.where',
  });
}

async function keep(from: string, to: string): Promise<{ hash: string } | undefined> {
  if (!(await stat(from).catch(() => undefined))?.isFile()) return undefined;
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
  return { hash: await hashFile(to) };
}
