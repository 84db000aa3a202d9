import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { packageVersion } from '../base/index.ts';
import { type OnnxModel, openModel, writeOnnx } from '../onnx/index.ts';
import { createTokenizer, type TokenizerFiles } from '../text/index.ts';
import type { CompiledModel } from './compiled.ts';
import { compileEncoder, type EncoderOptions } from './encoder.ts';
import { calibrateOn } from './gate/calibration.ts';
import { type GateReport, passGate } from './gate/gate.ts';
import type { GateLimits } from './gate/limits.ts';
import { textInputs } from './gate/text-inputs.ts';
import { readTexts } from './gate/texts.ts';
import { lower, type Precision } from './lowering/lower.ts';

export interface LoweredEncoderOptions extends EncoderOptions {
  readonly precision: Precision;
  readonly reduceRange: boolean;
  readonly limits: GateLimits;
  /** Of the FP32 graph against `expect`. */
  readonly tolerance: number;
  /** Reference outputs, a file of JSON lines. */
  readonly expect: string | undefined;
  readonly textPair: boolean | undefined;
  /** Longest text in tokens that will be asked for; the model's own limit unless given. */
  readonly maxLength: number | undefined;
  readonly tokenizer: TokenizerFiles;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compiles an encoder, lowers it to its precision, and compares what came out with the FP32 graph on texts: those of
 * `expect`, else ordinary ones. The report says whether it passed; what to do about it is the caller's.
 */
export async function compileLowered(
  options: LoweredEncoderOptions,
): Promise<{ built: CompiledModel; gate: GateReport }> {
  const { outDir, precision, reduceRange, target, limits, tolerance, signal } = options;
  if (precision === 'fp32') {
    const built = await compileEncoder(options);
    return { built, gate: await compare(join(outDir, 'model.onnx'), undefined, built, options) };
  }
  const fp32 = `${outDir}.fp32`;
  await mkdir(fp32, { recursive: true });
  try {
    const plain = await compileEncoder({ ...options, outDir: fp32 });
    const model = await openModel(join(fp32, 'model.onnx'));
    const { batches, alone } = await gateInputs(plain, options);
    const calibrate = calibrateOn(join(fp32, 'model.onnx'), [...batches, ...alone], signal);
    await lower(model, { precision, reduceRange, calibrate }, target);
    const { files, bytes } = await writeLowered(model, options);
    const built = { ...plain, files, bytes, opset: model.opsets.get('')!, irVersion: model.irVersion };
    return { built, gate: await compare(join(outDir, 'model.onnx'), join(fp32, 'model.onnx'), built, options) };
  } finally {
    await rm(fp32, { recursive: true, force: true });
  }

  async function compare(
    path: string,
    reference: string | undefined,
    built: CompiledModel,
    given: LoweredEncoderOptions,
  ) {
    const inputs = await gateInputs(built, given);
    const classifies = built.task === 'text-classification' || built.task === 'token-classification';
    const { progress: task } = given;
    return passGate({
      ...{ ...inputs, path, reference, precision, classifies, limits, tolerance, signal },
      ...(task && { task }),
    });
  }
}

function writeLowered(model: OnnxModel, { outDir, progress, externalDataThreshold }: LoweredEncoderOptions) {
  return writeOnnx(join(outDir, 'model.onnx'), model, {
    producer: { name: 'conch', version: packageVersion() },
    ...(externalDataThreshold !== undefined && { externalDataThreshold }),
    onProgress: (written, total) => progress?.update(written / total, `${(written / 1e6).toFixed(1)} MB lowered`),
  });
}

/** What an encoder is compared on. */
export async function gateInputs(
  built: Pick<CompiledModel, 'inputs' | 'maxLength' | 'maxSeqLength' | 'task' | 'labels'>,
  options: Pick<LoweredEncoderOptions, 'tokenizer' | 'layout' | 'expect' | 'textPair' | 'maxLength'>,
) {
  const { tokenizer, layout = 'padded', expect, textPair, maxLength } = options;
  const own = Math.min(built.maxLength ?? 512, built.maxSeqLength ?? Number.POSITIVE_INFINITY);
  const { tokenizerJson, tokenizerConfig } = tokenizer;
  return textInputs({
    texts: expect === undefined ? [] : await readTexts(expect),
    tokenizer: createTokenizer(tokenizerJson, { tokenizerConfig, maxLength: maxLength ?? own }),
    layout,
    names: built.inputs.map(({ name }) => name),
    pairs: textPair ?? built.task === 'text-ranking',
    labels: built.labels ?? [],
  });
}
