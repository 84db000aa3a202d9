import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createLogger } from '../../src/base/index.ts';
import { type RunningServer, startServer } from '../../src/server/index.ts';

const fixtures = resolve(import.meta.dirname, '../fixtures/onnx');
const types = 'bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float double string'.split(' ');
const configNames: Record<string, string> = { float16: 'FP16', float: 'FP32', double: 'FP64' };
const identities = types
  .flatMap((type) =>
    ['input { name: "in', 'output { name: "out'].map(
      (start) => `${start}_${type}" data_type: TYPE_${configNames[type] ?? type.toUpperCase()} dims: [ 2 ] }`,
    ),
  )
  .join('\n');

/** The embedded server over real models: a perceptron of ten inputs, and one that gives back its input of any type. */
export async function serveModels(): Promise<RunningServer> {
  const repository = mkdtempSync(join(tmpdir(), 'conch-web-models-'));
  const add = (name: string, config: string) => {
    mkdirSync(join(repository, name, '1'), { recursive: true });
    writeFileSync(join(repository, name, 'config.pbtxt'), config);
    cpSync(join(fixtures, `${name}.onnx`), join(repository, name, '1/model.onnx'));
  };
  add(
    'mlp',
    `backend: "onnxruntime" max_batch_size: 8
     input { name: "x" data_type: TYPE_FP32 dims: [ 10 ] }
     output { name: "prediction" data_type: TYPE_FP32 dims: [ 1 ] }`,
  );
  add('identities', `backend: "onnxruntime" max_batch_size: 4 ${identities}`);
  const logger = createLogger('silent');
  const server = await startServer({ repository, httpPort: 0, metricsPort: false, grpcPort: 0, threads: 1, logger });
  return {
    ...server,
    close: async () => {
      const whole = await server.close();
      rmSync(repository, { recursive: true, force: true });
      return whole;
    },
  };
}
