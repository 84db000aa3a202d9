/** What a model is compiled for: the runtime versions in a Triton release, or those inside this package. */
export interface Target {
  /** `triton:26.07`, or `embedded` for the ONNX Runtime in node_modules. */
  readonly name: string;
  /** Triton's release, e.g. `26.07`; undefined for `embedded`. */
  readonly release: string | undefined;
  readonly onnxruntime: string;
  readonly tensorrt: string | undefined;
  readonly cuda: string | undefined;
  readonly python: string | undefined;
  /** Newest ai.onnx opset that the ONNX Runtime version supports. */
  readonly opset: number;
  /** Newest ONNX IR version that it loads. */
  readonly irVersion: number;
}

/** The target that `name` means (`triton:26.07`, `26.07`, `triton:latest`, `embedded`); throws USAGE listing the known ones. */
export function findTarget(name: string): Target {
  throw new Error(name);
}

export const targets: readonly Target[] = [];
/** The newest Triton release known. */
export const defaultTarget: Target = undefined as never;
