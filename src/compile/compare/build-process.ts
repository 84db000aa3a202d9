/** The process that builds one variant with conch or with ONNX Runtime. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { packageVersion } from '../../base/index.ts';
import { openCheckpoint } from '../../checkpoint/index.ts';
import { findTarget, openModel, writeOnnx } from '../../onnx/index.ts';
import type { CompiledModel } from '../compiled.ts';
import { compileEncoder } from '../encoder.ts';
import { lower } from '../lowering/lower.ts';
import type { BuildOrder, Built } from './build.ts';
import { answerParent, processMemory } from './child.ts';

answerParent(async (order: BuildOrder): Promise<Built> => {
  await mkdir(order.outDir, { recursive: true });
  const facts = order.step.kind === 'conch' ? await compile(order, order.step.precision) : undefined;
  if (order.step.kind === 'onnxruntime') await optimise(order, order.step.level);
  const { peak } = processMemory();
  return { ...(facts && { facts }), ...(peak !== undefined && { peakBytes: peak }) };
});

async function compile(order: BuildOrder, precision: Parameters<typeof lower>[1]['precision']): Promise<CompiledModel> {
  const { outDir, layout, reduceRange } = order;
  const target = findTarget(order.target);
  const checkpoint = await openCheckpoint(order.checkpoint);
  if (precision === 'fp32') return compileEncoder({ checkpoint, outDir, target, layout });
  const plain = `${outDir}.fp32`;
  await mkdir(plain, { recursive: true });
  const facts = await compileEncoder({ checkpoint, outDir: plain, target, layout });
  const model = await openModel(join(plain, 'model.onnx'));
  await lower(model, { precision, reduceRange }, target);
  await writeOnnx(join(outDir, 'model.onnx'), model, { producer: { name: 'conch', version: packageVersion() } });
  await rm(plain, { recursive: true, force: true });
  return facts;
}

/** Loading with a file for the optimised model writes it; weights past ONNX's 2 GB go beside it. */
async function optimise({ outDir, from }: BuildOrder, level: 'extended' | 'all'): Promise<void> {
  const session = await InferenceSession.create(join(from!, 'model.onnx'), {
    graphOptimizationLevel: level,
    optimizedModelFilePath: join(outDir, 'model.onnx'),
    logSeverityLevel: 4,
    extra: {
      session: {
        optimized_model_external_initializers_file_name: 'model.onnx.data',
        optimized_model_external_initializers_min_size_in_bytes: '1048576',
      },
    },
  });
  await session.release();
}
