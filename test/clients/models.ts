import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const fixtures = resolve(import.meta.dirname, '../fixtures/onnx');

/** Models that the official clients are pointed at: numbers in batches, every type, text with labels. */
export function writeModels(root: string): void {
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const onnx = (name: string, config: string, fixture = name): void => {
    write(`${name}/config.pbtxt`, config);
    mkdirSync(join(root, name, '1'), { recursive: true });
    cpSync(join(fixtures, `${fixture}.onnx`), join(root, name, '1/model.onnx'));
  };
  onnx(
    'add',
    `backend: "onnxruntime"
max_batch_size: 8
input [ { name: "a" data_type: TYPE_FP32 dims: [ 4 ] }, { name: "b" data_type: TYPE_FP32 dims: [ 4 ] } ]
output [ { name: "sum" data_type: TYPE_FP32 dims: [ 4 ] label_filename: "labels.txt" } ]
dynamic_batching { }
`,
  );
  write('add/labels.txt', 'zero\none\ntwo\nthree\n');
  onnx('identities', `backend: "onnxruntime"\nmax_batch_size: 8\n`);
}
