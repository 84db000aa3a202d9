import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Random, seededIntegers } from '../../../../test/random.ts';
import { ConchError } from '../../../base/index.ts';
import { openPytorchWeights } from '../open.ts';

/** How often each error code came, and `accepted`. */
export type Outcomes = Map<string, number>;

const fixtures = join(import.meta.dirname, '../../../../test/fixtures/pytorch');
/** Opcodes of pickles, and what follows some of them. */
const opcodes = [...'().01NQRUXTabcehjlqrstuqGIJKM\x80\x81\x85\x86\x87\x88\x89\x8a\x8c\x90\x93\x94\x95'];

/**
 * Damages good files and opens them: each is read whole, with as many bytes a tensor as its shape says, or refused as a
 * checkpoint. Anything else is thrown.
 */
export async function fuzzWeights(seed: number, isOver: (round: number) => boolean): Promise<Outcomes> {
  const random = seededIntegers(seed);
  const names = ['views-zip.bin', 'views-stream.bin', 'protocol4-stream.bin', 'newer-zip.bin', 'hostile-stream.bin'];
  const good = await Promise.all(names.map((name) => readFile(join(fixtures, name))));
  const dir = await mkdtemp(join(tmpdir(), 'conch-fuzz-'));
  const path = join(dir, 'pytorch_model.bin');
  const outcomes: Outcomes = new Map();
  try {
    for (let round = 0; !isOver(round); round++) {
      const bytes = damaged(good[random(good.length)]!, random);
      await writeFile(path, bytes);
      const outcome = await outcomeOf(path).catch((error: unknown) => {
        const hex = bytes.length < 4096 ? bytes.toString('hex') : '';
        throw new Error(`seed ${seed}, round ${round}: ${(error as Error).stack} ${hex}`);
      });
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  return outcomes;
}

async function outcomeOf(path: string): Promise<string> {
  try {
    const weights = await openPytorchWeights(path);
    for (const { name, bytes } of weights.tensors.values()) {
      if (bytes > 1 << 22) continue; // A tensor that repeats its elements.
      let read = 0;
      for await (const chunk of weights.read(name)) read += chunk.length;
      if (read !== bytes) throw new Error(`${name} has ${bytes} bytes, ${read} came`);
    }
    return 'accepted';
  } catch (error) {
    if (error instanceof ConchError && /^CHECKPOINT_(INVALID|UNSUPPORTED)$/.test(error.code)) return error.code;
    throw error;
  }
}

function damaged(good: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(good);
  // The pickle stands in the first part, where damage does most.
  const place = () => random(random(3) === 0 ? bytes.length : Math.min(bytes.length, 1500));
  for (let count = 1 + random(3); count > 0 && bytes.length > 0; count--) {
    const at = place();
    switch (random(6)) {
      case 0:
        bytes[at] = random(256);
        break;
      case 1:
        bytes.write(opcodes[random(opcodes.length)]!, at, 'latin1');
        break;
      case 2:
        bytes = bytes.subarray(0, bytes.length - random(bytes.length));
        break;
      case 3:
        for (let index = at; index < Math.min(at + 4, bytes.length); index++) bytes[index] = random(2) * 255;
        break;
      case 4: {
        const from = place();
        bytes.copy(bytes, at, from, Math.min(from + 1 + random(40), bytes.length));
        break;
      }
      default: {
        const inserted = Buffer.from(
          Array.from({ length: 1 + random(4) }, () => opcodes[random(opcodes.length)]).join(''),
          'latin1',
        );
        bytes = Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
      }
    }
  }
  return bytes;
}
