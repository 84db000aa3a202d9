/** A repository as text: paths below its root to contents. A path that ends in `/` is an empty folder. */
export interface Case {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
}

/** A Python model that loads whatever its configuration says and answers nothing. */
export const modelPy = `import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [pb_utils.InferenceResponse([]) for _ in requests]
`;

/** The files of one Python model, version 1. */
export function pythonModel(name: string, config: string, files: Readonly<Record<string, string>> = {}) {
  const own: Record<string, string> = { [`${name}/config.pbtxt`]: config, [`${name}/1/model.py`]: modelPy };
  for (const [path, text] of Object.entries(files)) own[`${name}/${path}`] = text;
  return own;
}

/** The files of one ensemble, with its empty version folder. */
export function ensemble(name: string, config: string) {
  return { [`${name}/config.pbtxt`]: config, [`${name}/1/`]: '' };
}

/** A Python model's configuration from its lines, with one FP32 input `x` and output `y` unless told otherwise. */
export function config(
  lines: string,
  {
    input = 'input { name: "x" data_type: TYPE_FP32 dims: 4 }',
    output = 'output { name: "y" data_type: TYPE_FP32 dims: 4 }',
  } = {},
): string {
  return ['backend: "python"', input, output, lines].filter(Boolean).join('\n').concat('\n');
}
