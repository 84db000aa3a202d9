import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { createLogger } from '../../base/index.ts';
import { type GraphBuilder, writeOnnx } from '../../onnx/index.ts';
import { type Datatype, datatypes, encodeBytes, type Tensor, type TensorData } from '../../tensor/index.ts';
import { Engine, type EngineOptions } from '../engine.ts';

const fixtures = resolve(import.meta.dirname, '../../../test/fixtures/onnx');

/** A model repository in a temporary folder that goes with the test. */
export class TemporaryRepository {
  readonly root = mkdtempSync(join(tmpdir(), 'conch-engine-'));

  constructor() {
    onTestFinished(() => rmSync(this.root, { recursive: true, force: true }));
  }

  /** A model of `test/fixtures/onnx`, in version 1 unless `versions` says otherwise. */
  onnx(name: string, fixture: string, config: string, versions: readonly number[] = [1]): this {
    for (const version of versions) {
      this.write(`${name}/${version}/.keep`, '');
      cpSync(join(fixtures, `${fixture}.onnx`), join(this.root, name, `${version}`, 'model.onnx'));
      rmSync(join(this.root, name, `${version}`, '.keep'));
    }
    return this.config(name, config);
  }

  /** A model that a test builds. */
  async graph(name: string, graph: GraphBuilder, config: string): Promise<this> {
    this.bare(name, config);
    await writeOnnx(join(this.root, name, '1', 'model.onnx'), graph, { producer: { name: 'test', version: '1' } });
    return this;
  }

  /** A model that is only a config and an empty version folder: ensembles, and backends that tests bring. */
  bare(name: string, config: string, versions: readonly number[] = [1]): this {
    for (const version of versions) mkdirSync(join(this.root, name, `${version}`), { recursive: true });
    return this.config(name, config);
  }

  config(name: string, config: string): this {
    return this.write(`${name}/config.pbtxt`, config);
  }

  write(path: string, content: string | Uint8Array): this {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return this;
  }

  remove(path: string): this {
    rmSync(join(this.root, path), { recursive: true });
    return this;
  }

  /** An engine over it, closed when the test ends. */
  async open(options: Partial<EngineOptions> = {}): Promise<Engine> {
    const engine = this.create(options);
    await engine.start();
    return engine;
  }

  create(options: Partial<EngineOptions> = {}): Engine {
    const engine = Engine.create({
      repository: this.root,
      logger: createLogger('silent'),
      threads: 1,
      modelControlMode: 'explicit',
      ...options,
    });
    onTestFinished(async () => {
      await engine.close({ timeoutMs: 2000 });
    });
    return engine;
  }
}

/** A tensor from plain numbers or texts. */
export function tensor(
  name: string,
  datatype: Datatype,
  shape: readonly number[],
  values: readonly (number | string)[],
): Tensor {
  return { name, datatype, shape, data: dataOf(datatype, values) };
}

export function fp32(name: string, shape: readonly number[], values: readonly number[]): Tensor {
  return tensor(name, 'FP32', shape, values);
}

function dataOf(datatype: Datatype, values: readonly (number | string)[]): TensorData {
  if (datatype === 'BYTES') return encodeBytes(values.map(String));
  const wide = datatype === 'INT64' || datatype === 'UINT64';
  const array = datatypes[datatype].array as unknown as { from(values: readonly unknown[]): TensorData };
  return array.from(wide ? values.map(BigInt) : values);
}
