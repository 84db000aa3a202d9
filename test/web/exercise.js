// Runs unchanged in a page, in Deno and in Bun: what the client does against the models of models.ts. Plain JavaScript,
// since a page takes nothing else. Gives what it saw, for the test to hold against what it should be.
export async function exercise({ connect, ConchError, stringTensor, tensorOf, valuesOf }, url) {
  const client = connect(url, { timeoutMs: 20_000 });
  const values = ({ outputs }) =>
    outputs.map((output) => [output.name, output.datatype, output.shape, valuesOf(output)]);
  const text = (given) =>
    JSON.parse(JSON.stringify(given, (_, value) => (typeof value === 'bigint' ? `${value}n` : value)));
  const x = tensorOf('x', 'FP32', [1, 10], Array(10).fill(0.5));
  const seen = {};
  seen.health = [
    await client.isLive(),
    await client.isReady(),
    await client.isModelReady('mlp'),
    await client.isModelReady('no'),
  ];
  seen.server = (await client.serverMetadata()).name;
  seen.inputs = (await client.modelMetadata('mlp')).inputs;
  seen.config = (await client.modelConfig('mlp')).max_batch_size;
  seen.mlp = values(await client.infer({ model: 'mlp', inputs: [x] }))[0][3].map((value) => value.toFixed(4));
  const rest = {
    uint8: 'UINT8',
    uint16: 'UINT16',
    uint32: 'UINT32',
    uint64: 'UINT64',
    int8: 'INT8',
    int16: 'INT16',
    int32: 'INT32',
    double: 'FP64',
  };
  const all = [
    tensorOf('in_bool', 'BOOL', [1, 2], [true, false]),
    tensorOf('in_int64', 'INT64', [1, 2], [2n ** 62n, -1n]),
    tensorOf('in_float16', 'FP16', [1, 2], [0.5, -2]),
    tensorOf('in_float', 'FP32', [1, 2], [0.25, -1]),
    stringTensor('in_string', [1, 2], ['Gewinn 5 €', '{"']),
    ...Object.entries(rest).map(([name, type]) => tensorOf(`in_${name}`, type, [1, 2], [1, 2])),
  ];
  const expected = ['out_bool', 'out_int64', 'out_float16', 'out_float', 'out_string'];
  seen.identities = text(
    values(await client.infer({ model: 'identities', inputs: all, outputs: expected.map((name) => ({ name })) })),
  );
  const packed = connect(url, { requestCompression: 'gzip' });
  const rows = tensorOf('x', 'FP32', [8, 10], new Float32Array(80).fill(0.5));
  const many = await packed.infer({
    model: 'mlp',
    inputs: [rows],
    parameters: { note: 'long enough to compress'.repeat(100) },
  });
  seen.compressed = values(many)[0][3]
    .map((value) => value.toFixed(4))
    .filter((value) => value === seen.mlp[0]).length;
  seen.stream = [];
  for await (const response of client.stream({ model: 'mlp', inputs: [x] })) seen.stream.push(values(response)[0][2]);
  const failure = async (call) => {
    try {
      await call;
      return 'no failure';
    } catch (error) {
      return [error instanceof ConchError, error.code, error.status];
    }
  };
  seen.unknown = await failure(client.infer({ model: 'none', inputs: [x] }));
  seen.cancelled = await failure(client.infer({ model: 'mlp', inputs: [x], signal: AbortSignal.abort() }));
  seen.unreachable = await failure(connect('http://127.0.0.1:9').isLive());
  await client.close();
  return seen;
}
