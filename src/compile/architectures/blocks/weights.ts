import { ConchError } from '../../../base/index.ts';
import { asFloat32, type StoredTensor } from '../../../checkpoint/index.ts';
import type { GraphBuilder, Value } from '../../../onnx/index.ts';
import { elementCount } from '../../../tensor/index.ts';

/** Where tensors come from: a checkpoint, or one file of weights. */
export interface TensorSource {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  read(name: string): AsyncIterable<Uint8Array>;
}

/** torch.nn.Linear: weight [out, in], and bias [out] where the layer has one. */
export interface Linear {
  readonly weight: Value;
  readonly bias: Value | undefined;
}

/**
 * Takes tensors out of a checkpoint into a graph as FP32 initializers under their own names, checked for presence and
 * shape. Data is read and widened only while the ONNX file is written.
 */
export class Weights {
  /** Trained values taken so far. */
  parameters = 0;
  readonly #graph: GraphBuilder;
  readonly #source: TensorSource;
  readonly #where: string;
  readonly #prefix: string;

  /** `where` names the file or folder in errors; `prefix` stands before every name, e.g. `bert.`. */
  constructor(graph: GraphBuilder, source: TensorSource, where: string, prefix = '') {
    this.#graph = graph;
    this.#source = source;
    this.#where = where;
    this.#prefix = prefix;
  }

  has(name: string): boolean {
    return this.#source.tensors.has(this.#prefix + name);
  }

  /** A tensor as it is stored. `because` says where the expected shape comes from, e.g. "hidden_size 768". */
  tensor(name: string, shape: readonly number[], because: string): Value {
    const tensor = this.#take(name, shape, because);
    this.parameters += elementCount(shape);
    return this.#graph.initializer(tensor.name, 'FP32', shape, {
      read: () => asFloat32(tensor, this.#source.read(tensor.name)),
    });
  }

  /** The layer of `<name>.weight` and `<name>.bias`; with `none` a bias is left where it is. */
  linear(
    name: string,
    inputs: number,
    outputs: number,
    because: string,
    bias: 'required' | 'optional' | 'none' = 'required',
  ): Linear {
    const weight = this.tensor(`${name}.weight`, [outputs, inputs], because);
    const hasBias = bias === 'required' || (bias === 'optional' && this.has(`${name}.bias`));
    return { weight, bias: hasBias ? this.tensor(`${name}.bias`, [outputs], because) : undefined };
  }

  #take(name: string, shape: readonly number[], because: string): StoredTensor {
    const full = this.#prefix + name;
    const tensor = this.#source.tensors.get(full);
    if (!tensor) {
      throw new ConchError(
        'CHECKPOINT_INVALID',
        `${this.#where}: tensor '${full}' of shape [${shape}] is missing (${because})`,
        { where: { file: this.#where, path: full }, fix: 'check that config.json and the weights belong together' },
      );
    }
    if (tensor.shape.length !== shape.length || tensor.shape.some((size, axis) => size !== shape[axis])) {
      throw new ConchError(
        'CHECKPOINT_INVALID',
        `${tensor.file}: tensor '${full}' has shape [${tensor.shape}] where [${shape}] is expected (${because})`,
        { where: { file: tensor.file, path: full }, fix: 'check that config.json and the weights belong together' },
      );
    }
    return tensor;
  }
}
