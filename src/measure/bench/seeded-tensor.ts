import {
  createTensor,
  type Datatype,
  datatypes,
  elementCount,
  numberToBfloat16,
  numberToHalf,
  stringTensor,
  type Tensor,
} from '../../tensor/index.ts';
import { normalFrom, seededRandom } from './random.ts';

/**
 * A tensor of values that models can take, the same for the same seed: normal numbers, token ids from 1 to 999 where the
 * name ends in `ids`, ones for masks, zeros for token types, small whole numbers for other integers, words for BYTES.
 */
export function seededTensor(name: string, datatype: Datatype, shape: readonly number[], seed: number): Tensor {
  const random = seededRandom(seed);
  const count = elementCount(shape);
  const filled = (next: () => number) => Array.from({ length: count }, next);
  if (datatype === 'BYTES') {
    return stringTensor(
      name,
      shape,
      filled(() => Math.floor(random() * 1000)).map((number) => `value ${number}`),
    );
  }
  if (datatype === 'FP16')
    return createTensor(name, datatype, shape, Uint16Array.from(filled(() => numberToHalf(normalFrom(random)))));
  if (datatype === 'BF16') {
    return createTensor(name, datatype, shape, Uint16Array.from(filled(() => numberToBfloat16(normalFrom(random)))));
  }
  const { array, size } = datatypes[datatype];
  if (datatype.startsWith('FP'))
    return createTensor(name, datatype, shape, new array(filled(() => normalFrom(random)) as never));
  const next = integersFor(name, datatype, random);
  const values = size === 8 ? filled(next).map(BigInt) : filled(next);
  return createTensor(name, datatype, shape, new array(values as never));
}

function integersFor(name: string, datatype: Datatype, random: () => number): () => number {
  if (datatype === 'BOOL') return () => (random() < 0.5 ? 0 : 1);
  if (/mask/.test(name)) return () => 1;
  if (/token_type|segment/.test(name)) return () => 0;
  if (/ids$/.test(name)) return () => 1 + Math.floor(random() * (datatype.endsWith('8') ? 100 : 999));
  return () => Math.floor(random() * 10);
}
