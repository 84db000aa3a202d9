import { basename, join, resolve } from 'node:path';
import { ConchError, hashFile } from '../base/index.ts';
import { openCheckpoint, resolveCheckpoint } from '../checkpoint/index.ts';
import { tokenizerFiles } from '../text/index.ts';
import type { Layout } from './architectures/index.ts';
import { type CompileContext, type MadeModel, makeArtifact } from './artifact.ts';
import type { CompiledModel, CompiledTensor } from './compiled.ts';
import type { CheckpointDeployment, ConfigSettings } from './deployment.ts';
import { chainEnsemble } from './ensemble.ts';
import { limitsFor } from './gate/limits.ts';
import { compileLowered } from './lowered-encoder.ts';
import { encoderFolder, readSentenceModules } from './sentence-modules.ts';
import { defaultMaxBatchSize, definedSettings, onnxConfig } from './settings.ts';
import {
  checkEncoderPlan,
  compileEncoderPlan,
  dryRunEncoderPlan,
  type EncoderPlanOptions,
} from './tensorrt/encoder-plan.ts';
import type { DryRun } from './tensorrt/plan-order.ts';
import { text, textPair, tokenizerScript, writeTokenizer } from './tokenizer.ts';
import { checkTokenizerFits } from './tokenizer-fit.ts';

const recipes = { encoder: 6, tokenizer: 4, ensemble: 4 };
const labelFile = 'labels.txt';
/** Texts times the longest of them in a packed batch, measured (bench/token-budget.ts): 32 of 64 tokens, or 4 of 512. */
const maxBatchTokens = 2048;

/** `models.<name>: { checkpoint }` as `<name>-model`, `<name>-tokenizer` and the ensemble `<name>`. */
export async function makeTextModel(
  context: CompileContext,
  name: string,
  deployment: CheckpointDeployment,
): Promise<MadeModel[]> {
  const { resolved, dir, checkpoint, files, encoder, plan } = await openTextModel(context, name, deployment);
  const source = { kind: 'checkpoint', checkpoint: resolved.source, revision: resolved.revision };
  const version = deployment.version ?? 1;
  const max_batch_size = deployment.max_batch_size ?? defaultMaxBatchSize;
  const hashes = (files: readonly string[]) => hashFiles(dir, files);
  const behind = (await readSentenceModules(checkpoint))?.files ?? [];

  const { layout } = encoder;
  if (layout === 'packed' && max_batch_size === 0) {
    throw new ConchError(
      'DEPLOYMENT_INVALID',
      `models.${name}.layout: packed needs a batch to pack, max_batch_size is 0`,
      {
        fix: 'set max_batch_size to 1 or more, or layout to padded',
      },
    );
  }
  const modelSettings = definedSettings(deployment, deployment.model);
  const { precision, reduceRange, limits, tolerance, expect, textPair: text_pair, maxLength: max_length } = encoder;
  if (plan) checkEncoderPlan(plan);
  const model = await makeArtifact(context, {
    name: `${name}-model`,
    version,
    recipe: recipes.encoder,
    inputs: {
      ...(await hashes([...checkpoint.files, ...behind])),
      ...(expect !== undefined && { expect: await hashFile(expect) }),
    },
    settings: {
      ...{ max_batch_size, modelSettings, layout, precision, reduceRange, limits, tolerance },
      ...{ text_pair: text_pair ?? null, max_length: max_length ?? null },
      ...(deployment.tensorrt && { tensorrt: deployment.tensorrt }),
    },
    source,
    async build(outDir, task) {
      const made = plan && (await compileEncoderPlan({ ...plan, encoder: { ...encoder, progress: task }, outDir }));
      const { target, signal } = context;
      const { built, gate } = made ?? (await compileLowered({ ...encoder, outDir, target, signal, progress: task }));
      const { inputs, outputs, files: _, bytes: __, ...facts } = built;
      const { labelFiles, labels } = labelling(built);
      const given = definedSettings({
        ...(modelSettings.instance_group && { instance_group: modelSettings.instance_group }),
      });
      const config = onnxConfig({
        name: `${name}-model`,
        max_batch_size,
        inputs,
        outputs,
        settings: { ...modelSettings, ...ownParameters(facts, modelSettings.parameters) },
        labelFiles,
        packed: layout === 'packed' ? { perToken: built.perToken ?? [] } : undefined,
      });
      return {
        config: made ? { ...config, ...made.config, ...given } : config,
        labels,
        tensors: { inputs, outputs },
        gate,
        facts: { ...facts, precision, ...(made && { tensorrt: made.facts }) },
      };
    },
  });
  const { inputs, outputs } = model.manifest.tensors as { inputs: CompiledTensor[]; outputs: CompiledTensor[] };
  const facts = model.manifest as Partial<Omit<CompiledModel, 'inputs' | 'outputs'>>;
  const positions = facts.maxLength ?? 512;
  if (deployment.max_length !== undefined && deployment.max_length > positions) {
    throw new ConchError(
      'DEPLOYMENT_INVALID',
      `models.${name}.max_length: ${deployment.max_length} tokens, but the checkpoint has positions for ${positions}`,
      { fix: `set max_length to ${positions} or less` },
    );
  }

  const pairs = deployment.text_pair ?? facts.task === 'text-ranking';
  const texts = pairs ? [text, textPair] : [text];
  const tokenizerSettings = definedSettings(deployment, deployment.tokenizer);
  const maxPositions = deployment.max_length ?? Math.min(positions, facts.maxSeqLength ?? positions);
  const inputNames = inputs.map((input) => input.name);
  const tokenizerSources = files.sources.map((file) => basename(file));
  const tokenizer = await makeArtifact(context, {
    name: `${name}-tokenizer`,
    version,
    recipe: recipes.tokenizer,
    inputs: { ...(await hashes(tokenizerSources)), 'model.py': await hashFile(tokenizerScript()) },
    settings: { max_batch_size, maxPositions, inputNames, texts, tokenizerSettings },
    source,
    async build(outDir) {
      const written = await writeTokenizer({
        checkpointDir: dir,
        outDir,
        maxPositions,
        inputNames,
        inputs: texts,
      });
      const { parameters, ...settings } = tokenizerSettings;
      return {
        config: {
          ...written.config,
          name: `${name}-tokenizer`,
          max_batch_size,
          ...settings,
          parameters: { ...written.config.parameters, ...parameters },
        },
        tensors: { inputs: texts, outputs: inputs },
        facts: { maxLength: written.maxLength },
      };
    },
  });

  const { labelFiles, labels } = labelling({ ...facts, outputs });
  const ensemble = await makeArtifact(context, {
    name,
    version,
    recipe: recipes.ensemble,
    inputs: {},
    settings: {
      max_batch_size,
      texts,
      inputs,
      outputs,
      labels: facts.labels ?? [],
      task: facts.task,
      problemType: facts.problemType,
    },
    source,
    build: async () => ({
      config: chainEnsemble({
        name,
        max_batch_size,
        steps: [
          { model: `${name}-tokenizer`, inputs: texts, outputs: inputs },
          { model: `${name}-model`, inputs, outputs },
        ],
        labelFiles,
        ...ownParameters({ ...facts, layout: undefined }),
      }),
      labels,
      tensors: { inputs: texts, outputs },
    }),
  });
  return [tokenizer, model, ensemble];
}

/** What a text model is made from, read and checked; and how its plan is made, where it is to be one. */
async function openTextModel(
  context: Pick<CompileContext, 'repository' | 'target' | 'baseDir' | 'python' | 'signal' | 'progress'>,
  name: string,
  deployment: CheckpointDeployment,
) {
  const { baseDir, progress } = context;
  const resolved = await resolveCheckpoint(deployment.checkpoint, {
    baseDir,
    progress,
    ...(deployment.revision !== undefined && { revision: deployment.revision }),
  });
  const dir = await encoderFolder(resolved.dir);
  const checkpoint = await openCheckpoint(dir);
  // Before anything is written: a refused tokenizer must not leave a new model beside an old tokenizer.
  const files = await tokenizerFiles(dir, {});
  checkTokenizerFits(files, checkpoint);
  const { precision = 'fp32', reduce_range: reduceRange = false, tolerance = 1e-4, layout = 'padded' } = deployment;
  const encoder = {
    ...{ checkpoint, layout, precision, reduceRange, tolerance, tokenizer: files },
    limits: limitsFor(precision, deployment.gate),
    expect: deployment.expect === undefined ? undefined : resolve(baseDir, deployment.expect),
    ...{ textPair: deployment.text_pair, maxLength: deployment.max_length },
  };
  const batching = definedSettings(deployment, deployment.model).dynamic_batching;
  const plan: EncoderPlanOptions | undefined = deployment.tensorrt && {
    ...{ context, name: `${name}-model`, deployed: name, settings: deployment.tensorrt, encoder },
    max_batch_size: deployment.max_batch_size ?? defaultMaxBatchSize,
    preferred: batching?.preferred_batch_size ?? [],
  };
  return { resolved, dir, checkpoint, files, encoder, plan };
}

/** The commands that `makeTextModel` would have others run; undefined where there are none. */
export async function dryRunTextModel(
  context: Parameters<typeof openTextModel>[0],
  name: string,
  deployment: CheckpointDeployment,
): Promise<DryRun | undefined> {
  if (!deployment.tensorrt) return undefined;
  const { plan } = await openTextModel(context, name, deployment);
  return dryRunEncoderPlan(plan!);
}

/**
 * The label file, and the output whose elements it names: a text classifier's logits. Triton knows labels of an output's
 * elements only, so a token classifier's file stands beside the configuration unnamed; a score alone needs no name.
 */
function labelling({ task, labels, outputs }: Pick<CompiledModel, 'task' | 'labels' | 'outputs'>): {
  labelFiles: Record<string, string>;
  labels: Record<string, readonly string[]>;
} {
  if (!labels || labels.length < 2) return { labelFiles: {}, labels: {} };
  const named = task === 'text-classification' ? { [outputs[0]!.name]: labelFile } : {};
  return { labelFiles: named, labels: { [labelFile]: labels } };
}

/**
 * Parameters that come from the checkpoint: its task, what tokens' labels are called and what is done with a score, for
 * whoever has only the server; its `problem_type`, which whoever turns logits into scores must know; and of
 * a packed model the embedded server's budget, so that neither attention's memory nor what it pads grows with the batch.
 */
function ownParameters(
  {
    problemType,
    layout,
    task,
    labels,
    scoreActivation,
  }: Partial<Omit<CompiledModel, 'layout'>> & { layout?: Layout | undefined },
  given?: ConfigSettings['parameters'],
): Pick<ConfigSettings, 'parameters'> {
  const parameters = {
    ...(task !== undefined && { 'conch.task': { string_value: task } }),
    ...(task === 'token-classification' && labels && { 'conch.labels': { string_value: JSON.stringify(labels) } }),
    ...(scoreActivation !== undefined && { 'conch.score_activation': { string_value: scoreActivation } }),
    ...(problemType !== undefined && { problem_type: { string_value: problemType } }),
    ...(layout === 'packed' && { 'conch.max_batch_tokens': { string_value: `${maxBatchTokens}` } }),
    ...given,
  };
  return Object.keys(parameters).length > 0 ? { parameters } : {};
}

async function hashFiles(dir: string, files: readonly string[]): Promise<Record<string, string>> {
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await hashFile(join(dir, file))])));
}
