import type { Datatype, TensorData } from '../../tensor/index.ts';

/** A tensor as the runtime takes and gives it. */
export interface GateTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** One run of a model, and which of its rows are worth comparing. */
export interface Sample {
  readonly inputs: readonly GateTensor[];
  /** For outputs with a row for each of these: 0 where it is padding, and means nothing. */
  readonly kept?: Uint8Array;
}

/** The rows of an output (all of its axes but the last), without those of padding, as numbers. */
export function rowsOf({ dims, data }: GateTensor, { kept }: Sample): Float64Array[] {
  const size = dims.length > 1 ? dims.at(-1)! : 1;
  const count = size === 0 ? 0 : data.length / size;
  const rows: Float64Array[] = [];
  for (let row = 0; row < count; row++) {
    if (kept?.length === count && kept[row] === 0) continue;
    rows.push(Float64Array.from({ length: size }, (_, index) => Number(data[row * size + index])));
  }
  return rows;
}
