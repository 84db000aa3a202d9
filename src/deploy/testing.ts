import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const net = `name: "net"
backend: "onnxruntime"
max_batch_size: 8
input [ { name: "x" data_type: TYPE_FP32 dims: [ 4 ] } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ 2 ] } ]
`;

/** Writes a repository of these models, config.pbtxt by name, each with one version that holds a file. */
export async function writeRepository(root: string, models: Readonly<Record<string, string>> = { net }): Promise<void> {
  for (const [name, config] of Object.entries(models)) {
    await mkdir(join(root, name, '1'), { recursive: true });
    await writeFile(join(root, name, 'config.pbtxt'), config);
    await writeFile(join(root, name, '1/model.onnx'), 'not read here');
  }
}
