import { ConchError } from '../../base/index.ts';
import { decodeBytes, elementCount, type Tensor } from '../../tensor/index.ts';
import type { ParameterValue } from '../inference.ts';
import { textOf } from './text.ts';

/**
 * A double as RapidJSON writes it, which is what Triton's clients see: shortest digits that read back the same, with
 * `.0` behind whole numbers, `1e21` without a plus sign, and the literals NaN, Infinity and -Infinity.
 */
export function doubleToJson(value: number): string {
  if (Number.isInteger(value)) {
    if (Object.is(value, -0)) return '-0.0';
    return Math.abs(value) < 1e21 ? `${value}.0` : String(value).replace('e+', 'e');
  }
  return String(value);
}

/** Whether `Array.join` would print some element in another way than `doubleToJson`. */
function hasWholeNumbers(values: Float32Array | Float64Array): boolean {
  for (let index = 0; index < values.length; index++) if (Number.isInteger(values[index])) return true;
  return false;
}

/** The elements of a tensor as the text between the brackets of `data`. FP32 is printed as the widened double. */
export function elementsToJson(tensor: Tensor): string {
  const { name, datatype, data } = tensor;
  switch (datatype) {
    case 'FP16':
    case 'BF16':
      throw new ConchError('REQUEST_INVALID', `tensor '${name}': ${datatype} cannot be sent as JSON`, {
        where: { path: name },
        fix: 'ask for binary data',
      });
    case 'BYTES': {
      const elements = decodeBytes(data as Uint8Array);
      checkCount(tensor, elements.length);
      return elements.map((element) => JSON.stringify(textOf(element, 0, element.length))).join(',');
    }
  }
  checkCount(tensor, data.length);
  switch (datatype) {
    case 'BOOL':
      return Array.from(data as Uint8Array, (byte) => (byte === 0 ? 'false' : 'true')).join(',');
    case 'FP32':
    case 'FP64': {
      const values = data as Float32Array | Float64Array;
      if (!hasWholeNumbers(values)) return values.join(',');
      let text = doubleToJson(values[0]!);
      for (let index = 1; index < values.length; index++) text += `,${doubleToJson(values[index]!)}`;
      return text;
    }
    default:
      return (data as Int32Array).join(',');
  }
}

function checkCount({ name, shape }: Tensor, found: number): void {
  const needed = elementCount(shape);
  if (found !== needed) {
    throw new ConchError('INTERNAL', `tensor '${name}': shape [${shape}] needs ${needed} elements, got ${found}`);
  }
}

/** `{"key":value,...}` of parameters. */
export function parametersToJson(parameters: Readonly<Record<string, ParameterValue>>): string {
  const members = Object.entries(parameters).map(([key, value]) => `${JSON.stringify(key)}:${parameterToJson(value)}`);
  return `{${members.join(',')}}`;
}

export function parameterToJson(value: ParameterValue): string {
  switch (typeof value) {
    case 'bigint':
      return value.toString();
    case 'number':
      return Number.isInteger(value) ? String(value) : doubleToJson(value);
    default:
      return JSON.stringify(value);
  }
}
