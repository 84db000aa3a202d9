import { type ProgressTask, packageVersion } from '../base/index.ts';
import { GraphBuilder, irVersionOf, type Target, writeOnnx } from '../onnx/index.ts';
import type { CompiledModel, CompiledTensor } from './compiled.ts';

/** The newest opset whose operators the architectures use (Gelu). A model in it loads on as many runtimes as can be. */
const newestNeeded = 20;

/** An empty graph in the opset for `target`: 20, or its own where that is older (19 in ONNX Runtime 1.16). */
export function startGraph(name: string, target: Target): GraphBuilder {
  const opset = Math.min(target.opset, newestNeeded);
  return new GraphBuilder(name, { opset, irVersion: irVersionOf(opset) });
}

/** Writes `graph` to `path` and says what a deployment needs to know of it. */
export async function writeGraph(
  path: string,
  graph: GraphBuilder,
  options: { readonly progress?: ProgressTask; readonly externalDataThreshold?: number },
): Promise<Omit<CompiledModel, 'parameters'>> {
  const { progress, externalDataThreshold } = options;
  const { files, bytes } = await writeOnnx(path, graph, {
    producer: { name: 'conch', version: packageVersion() },
    ...(externalDataThreshold !== undefined && { externalDataThreshold }),
    onProgress: (written, total) =>
      progress?.update(written / total, `${(written / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`),
  });
  return { ...graphFacts(graph), files, bytes };
}

/** What can be said of a graph before it is written. */
export function graphFacts(graph: GraphBuilder): Pick<CompiledModel, 'inputs' | 'outputs' | 'opset' | 'irVersion'> {
  return {
    inputs: graph.inputs.map(describe),
    outputs: graph.outputs.map(describe),
    opset: graph.opset,
    irVersion: graph.irVersion,
  };
}

function describe({ value, shape }: GraphBuilder['inputs'][number]): CompiledTensor {
  const dims = shape.slice(1).map((dim) => (typeof dim === 'number' ? dim : -1));
  return { name: value.name, datatype: value.datatype, dims };
}
