import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { packageVersion } from '../../base/index.ts';
import { openModel, writeOnnx } from '../../onnx/index.ts';
import { Editing } from '../lowering/editing.ts';
import type { Calibrate } from '../lowering/int8-static.ts';
import { runModel } from './runner.ts';
import type { Sample } from './sample.ts';

/**
 * Runs the FP32 model at `path` on `samples` and gives the largest magnitude of each value. They are found inside a copy of
 * the graph, so that no activation leaves the process that runs it.
 */
export function calibrateOn(path: string, samples: readonly Sample[], signal?: AbortSignal): Calibrate {
  return async (names) => {
    const model = await openModel(path);
    const editing = new Editing(model);
    const outputs = names.map((name) => {
      const magnitude = editing.node(`${name}/Abs`, 'Abs', [name]);
      const largest = editing.node(`${name}/largest`, 'ReduceMax', magnitude.outputs, { keepdims: { int: 0 } });
      model.nodes.push(magnitude, largest);
      return largest.outputs[0]!;
    });
    // Beside the model, where there is room for another of its size.
    const dir = await mkdtemp(join(dirname(path), 'calibration-'));
    try {
      const copy = join(dir, 'model.onnx');
      const asked = outputs.map((name) => ({ name, elementType: 0, shape: undefined }));
      const producer = { name: 'conch', version: packageVersion() };
      await writeOnnx(copy, { ...model, outputs: asked }, { producer });
      const runs = await runModel({ what: 'the source', path: copy, samples, outputs }, signal);
      return new Map(
        names.map((name, index) => {
          const seen = runs.map((run) => Number(run.find((output) => output.name === outputs[index])!.data[0]));
          return [name, Math.max(...seen)];
        }),
      );
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  };
}
