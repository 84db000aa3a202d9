import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { infer, judge, numbers, type Outcome, post, type Sender, same, type Target } from './target.ts';

const size = 4 * Float32Array.BYTES_PER_ELEMENT;
/** Three tensors: two inputs and the output. */
const bytes = 3 * size;

/** Objects that nobody uses, so that two clients never share one. */
const free: { readonly name: string; readonly descriptor: number }[] = [];
let made = 0;

const path = (name: string) => `/v2/systemsharedmemory/region/${name}`;

async function region(target: Target): Promise<(typeof free)[number]> {
  const found = free.pop();
  if (found) return found;
  made += 1;
  const name = `conch-soak-${process.pid}-${made}`;
  const descriptor = openSync(`/dev/shm/${name}`, 'wx+');
  writeSync(descriptor, new Uint8Array(bytes), 0, bytes, 0);
  const body = JSON.stringify({ key: `/${name}`, offset: 0, byte_size: bytes });
  const { status, text } = await post(target, `${path(name)}/register`, body);
  if (status !== 200) throw new Error(`region ${name} is not registered: ${status} ${text}`);
  return { name, descriptor };
}

/** Inputs from shared memory and the output to it; now and then the region is taken back and given again. */
const sharedMemory: Sender = async (target, random) => {
  const own = await region(target);
  const { name, descriptor } = own;
  const [a, b] = [numbers(4, random), numbers(4, random)];
  writeSync(descriptor, Float32Array.from([...a, ...b, -1, -1, -1, -1]), 0, bytes, 0);
  const at = (offset: number) => ({
    shared_memory_region: name,
    shared_memory_offset: offset,
    shared_memory_byte_size: size,
  });
  const body = JSON.stringify({
    inputs: ['a', 'b'].map((input, index) => ({
      name: input,
      datatype: 'FP32',
      shape: [1, 4],
      parameters: at(index * size),
    })),
    outputs: [{ name: 'sum', parameters: at(2 * size) }],
  });
  const outcome: Outcome = judge(await post(target, infer('add', [], 1).path, body), () => {
    const sum = new Float32Array(4);
    readSync(descriptor, sum, 0, size, 2 * size);
    return same(
      [...sum],
      a.map((value, index) => value + b[index]!),
    );
  });
  if (random() < 0.1) {
    const { status } = await post(target, `${path(name)}/unregister`, '{}');
    if (status !== 200) throw new Error(`region ${name} is not taken back: ${status}`);
    discard(own);
  } else free.push(own);
  return outcome;
};

function discard({ name, descriptor }: (typeof free)[number]): void {
  closeSync(descriptor);
  unlinkSync(`/dev/shm/${name}`);
}

/** Removes what is left when the soak is over. */
export function discardRegions(): void {
  for (const one of free.splice(0)) discard(one);
}

export const sharedMemorySenders = { 'shared memory': sharedMemory };
