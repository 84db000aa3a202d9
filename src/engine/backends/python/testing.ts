import { TemporaryRepository } from '../../testing/repository.ts';

/** Tests that run Python need an interpreter with numpy, which CONCH_PYTHON names. */
export const python = process.env.CONCH_PYTHON;

/** A repository of Python models, by the source of their model.py; the imports are added. */
export class PythonRepository extends TemporaryRepository {
  python(name: string, config: string, source: string): this {
    const imports = 'import triton_python_backend_utils as pb_utils\nimport numpy as np\n';
    return this.write(`${name}/1/model.py`, imports + source).config(name, `backend: "python"\n${config}`);
  }
}

/** One number in, one out, in batches. */
export const numbers = `max_batch_size: 8
  input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] }
  output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }
`;

/** A model whose `execute` runs `lines` for each request, with `x` at hand, and appends to `responses`. */
export const executes = (lines: string, more = ''): string => `
class TritonPythonModel:
${more
  .trim()
  .split('\n')
  .map((line) => `    ${line}\n`)
  .join('')}
    def execute(self, requests):
        responses = []
        for request in requests:
            x = pb_utils.get_input_tensor_by_name(request, "x").as_numpy()
${lines
  .trim()
  .split('\n')
  .map((line) => `            ${line}\n`)
  .join('')}
        return responses
`;

/** An answer of one tensor `y`. */
export const answer = (value: string): string =>
  `responses.append(pb_utils.InferenceResponse([pb_utils.Tensor("y", ${value})]))`;
