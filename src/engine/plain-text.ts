import { ConchError } from '../base/index.ts';
import { bytesOf, decodeBytes, type Tensor } from '../tensor/index.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** For backends that change bytes which are no text: throws REQUEST_INVALID where an element is not UTF-8 without NUL. */
export function requirePlainText(inputs: readonly Tensor[]): void {
  for (const input of inputs) {
    if (input.datatype !== 'BYTES') continue;
    for (const [index, element] of decodeBytes(bytesOf(input)).entries()) {
      const fault = element.includes(0) ? 'contains a NUL byte' : isText(element) ? undefined : 'is not UTF-8';
      if (fault === undefined) continue;
      throw new ConchError(
        'REQUEST_INVALID',
        `input '${input.name}': element ${index} ${fault}; the embedded server can give this model only text without NUL`,
        { where: { path: input.name }, fix: 'send UTF-8 text, or serve the model with Triton' },
      );
    }
  }
}

function isText(bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
