import type { Datatype } from '../../tensor/index.ts';
import type { ModelSignature } from '../typed/signature.ts';
import { type ExampleTensor, exampleInputs } from './example.ts';

/** numpy's names; BF16 has none, tritonclient takes it as FP32 and cuts it. */
const numpyTypes: { readonly [name in Datatype]: string } = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'object_',
  BF16: 'float32',
};

/** A Python program with a function for each model, over Triton's own client (PyPI: tritonclient[http,grpc]). */
export function pythonProgram(models: readonly ModelSignature[], url: string, origin: string): string {
  const names = new Set<string>(['main', 'infer', ...keywords]);
  const functions = models.map((model) => ({ model, name: functionName(model.name, names) }));
  const streams = models.some(({ decoupled }) => decoupled);
  const lines = [
    `# Written by \`conch client generate --language python\` from ${origin}.`,
    `# Needs: pip install "tritonclient[http${streams ? ',grpc' : ''}]" numpy`,
    ...(streams ? ['import queue'] : []),
    'import sys',
    '',
    'import numpy as np',
    ...(streams ? ['import tritonclient.grpc as grpcclient'] : []),
    'import tritonclient.http as httpclient',
    '',
    ...functions.flatMap(({ model, name }) => [
      '',
      ...(model.decoupled ? streaming(model, name) : single(model, name)),
      '',
    ]),
    '',
    'if __name__ == "__main__":',
    `    client = httpclient.InferenceServerClient(sys.argv[1] if len(sys.argv) > 1 else ${JSON.stringify(hostOf(url))})`,
    ...functions.filter(({ model }) => !model.decoupled).map(({ name }) => `    print("${name}", ${name}(client))`),
  ];
  if (streams) {
    lines.push('    stream = grpcclient.InferenceServerClient(sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1:8001")');
    for (const { model, name } of functions)
      if (model.decoupled) lines.push(`    print("${name}", list(${name}(stream)))`);
  }
  return `${lines.join('\n')}\n`;
}

function single(model: ModelSignature, name: string): string[] {
  const sequence = model.stateful ? ', sequence_id=1, sequence_start=True, sequence_end=True' : '';
  return [
    `def ${name}(client):`,
    ...inputLines(model, 'httpclient'),
    `    result = client.infer(${JSON.stringify(model.name)}, inputs${sequence})`,
    `    return {name: result.as_numpy(name) for name in ${JSON.stringify(Object.keys(model.outputs))}}`,
  ];
}

function streaming(model: ModelSignature, name: string): string[] {
  return [
    `def ${name}(client):`,
    ...inputLines(model, 'grpcclient'),
    '    responses = queue.Queue()',
    '    client.start_stream(lambda result, error: responses.put(error or result))',
    `    client.async_stream_infer(${JSON.stringify(model.name)}, inputs, enable_empty_final_response=True)`,
    '    try:',
    '        while True:',
    '            result = responses.get(timeout=60)',
    '            if isinstance(result, Exception):',
    '                raise result',
    '            if result.get_response().outputs:',
    `                yield {name: result.as_numpy(name) for name in ${JSON.stringify(Object.keys(model.outputs))}}`,
    '            if result.get_response().parameters["triton_final_response"].bool_param:',
    '                return',
    '    finally:',
    '        client.stop_stream()',
  ];
}

function inputLines(model: ModelSignature, module: string): string[] {
  const inputs = exampleInputs(model);
  return [
    '    inputs = [',
    ...inputs.map(
      ({ name, shape, datatype }) =>
        `        ${module}.InferInput(${JSON.stringify(name)}, [${shape.join(', ')}], "${datatype}"),`,
    ),
    '    ]',
    ...inputs.map((input, index) => `    inputs[${index}].set_data_from_numpy(${array(input)})`),
  ];
}

function array({ shape, datatype }: ExampleTensor): string {
  const dims = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
  const value =
    datatype === 'BYTES' ? '"text".encode()' : datatype === 'BOOL' ? 'True' : /FP|BF/.test(datatype) ? '0.5' : '1';
  return `np.full(${dims}, ${value}, dtype=np.${numpyTypes[datatype]})`;
}

function functionName(model: string, taken: Set<string>): string {
  const joined = model
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
    .toLowerCase();
  const base = /^[a-z]/.test(joined) ? joined : `model_${joined}`;
  let name = base;
  for (let number = 2; taken.has(name); number++) name = `${base}_${number}`;
  taken.add(name);
  return name;
}

const keywords = [
  ...'and as assert async await break class continue def del elif else except finally for from global if import'.split(
    ' ',
  ),
  ...'in is lambda nonlocal not or pass raise return try while with yield client stream np sys queue print list'.split(
    ' ',
  ),
];

function hostOf(url: string): string {
  return url.replace(/^[a-z]+:\/\//, '');
}
