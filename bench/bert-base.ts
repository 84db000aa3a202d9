import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';

/** bert-base-uncased's shape, with a three-class head. */
const config = {
  architectures: ['BertForSequenceClassification'],
  model_type: 'bert',
  vocab_size: 30522,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  max_position_embeddings: 512,
  type_vocab_size: 2,
  hidden_act: 'gelu',
  layer_norm_eps: 1e-12,
  pad_token_id: 0,
  id2label: { 0: 'positive', 1: 'negative', 2: 'neutral' },
  label2id: { positive: 0, negative: 1, neutral: 2 },
};

function shapes(): [name: string, shape: number[]][] {
  const { hidden_size: hidden, intermediate_size: wide, num_hidden_layers } = config;
  const linear = (name: string, into: number, out: number): [string, number[]][] => [
    [`${name}.weight`, [out, into]],
    [`${name}.bias`, [out]],
  ];
  const norm = (name: string): [string, number[]][] => [
    [`${name}.weight`, [hidden]],
    [`${name}.bias`, [hidden]],
  ];
  const layers = Array.from({ length: num_hidden_layers }, (_, index) => `bert.encoder.layer.${index}`);
  return [
    ['bert.embeddings.word_embeddings.weight', [config.vocab_size, hidden]],
    ['bert.embeddings.position_embeddings.weight', [config.max_position_embeddings, hidden]],
    ['bert.embeddings.token_type_embeddings.weight', [config.type_vocab_size, hidden]],
    ...norm('bert.embeddings.LayerNorm'),
    ...layers.flatMap((layer) => [
      ...['query', 'key', 'value'].flatMap((part) => linear(`${layer}.attention.self.${part}`, hidden, hidden)),
      ...linear(`${layer}.attention.output.dense`, hidden, hidden),
      ...norm(`${layer}.attention.output.LayerNorm`),
      ...linear(`${layer}.intermediate.dense`, hidden, wide),
      ...linear(`${layer}.output.dense`, wide, hidden),
      ...norm(`${layer}.output.LayerNorm`),
    ]),
    ...linear('bert.pooler.dense', hidden, hidden),
    ...linear('classifier', hidden, 3),
  ];
}

/** Writes config.json and model.safetensors with seeded random weights of standard deviation 0.03, in 4 MiB pieces. */
export async function writeCheckpoint(dir: string): Promise<{ parameters: number; bytes: number }> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'config.json'), JSON.stringify(config));
  let parameters = 0;
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  for (const [name, shape] of shapes()) {
    const count = shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [4 * parameters, 4 * (parameters + count)] };
    parameters += count;
  }
  const text = JSON.stringify(header);
  const head = Buffer.alloc(8 + text.length);
  head.writeBigUInt64LE(BigInt(text.length));
  head.write(text, 8);
  const file = await open(join(dir, 'model.safetensors'), 'w');
  await file.write(head);
  const random = uniform(1);
  const piece = new Float32Array(1 << 20);
  for (let done = 0; done < parameters; done += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, parameters - done));
    for (let index = 0; index < part.length; index++) part[index] = 0.1 * (random() - 0.5);
    await file.write(new Uint8Array(part.buffer, 0, part.byteLength));
  }
  await file.close();
  return { parameters, bytes: head.length + 4 * parameters };
}

/** Marsaglia's xorshift32: 0..1, the same sequence for the same seed. */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Logits of a model for one fixed batch with padding. */
export async function logitsOf(model: string): Promise<Float32Array> {
  const [batch, sequence] = [4, 24];
  const session = await InferenceSession.create(model);
  const fill = (value: (text: number, place: number) => number) => {
    const data = Array.from({ length: batch * sequence }, (_, index) =>
      BigInt(value(Math.floor(index / sequence), index % sequence)),
    );
    return new Tensor('int64', BigInt64Array.from(data), [batch, sequence]);
  };
  const lengths = [24, 9, 1, 17];
  const outputs = await session.run({
    input_ids: fill((text, place) => (place < lengths[text]! ? (text * 7919 + place * 104729) % config.vocab_size : 0)),
    attention_mask: fill((text, place) => (place < lengths[text]! ? 1 : 0)),
    token_type_ids: fill((_, place) => (place > 12 ? 1 : 0)),
  });
  await session.release();
  return outputs.logits!.data as Float32Array;
}
