import type { Fix } from '../../base/index.ts';

/** Characters at the beginning of a file that are looked at. */
const sampled = 4096;

/** A share of control characters that no text has; compressed data has 11 %. Other bytes may be a comment's encoding. */
const implausible = 0.03;

/**
 * What a file is that is no UTF-8 text at all: saved as UTF-16, or another kind of file under this name. Listing every
 * one of its bytes would help nobody. Undefined for a text, however faulty.
 */
export function notText(text: string): { message: string; fix: Fix } | undefined {
  const sample = text.slice(0, sampled);
  if (isUtf16(sample)) {
    const message = 'the file is UTF-16, which Triton cannot read';
    return { message, fix: { text: 'save the file as UTF-8 without a mark' } };
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is counted
  const odd = sample.match(/[\x00-\x08\x0e-\x1f\x7f]/g)?.length ?? 0;
  if (odd < 8 || odd < implausible * sample.length) return undefined;
  const message = `the file is no text: ${odd} of its first ${sample.length} characters are control characters`;
  return { message, fix: { text: 'put the config.pbtxt there that was meant' } };
}

/** With its mark, whose bytes are no UTF-8, or with every second byte 0. */
function isUtf16(sample: string): boolean {
  if (/^(?:\udcff\udcfe|\udcfe\udcff)/.test(sample)) return true;
  const zeros = sample.match(/\0/g)?.length ?? 0;
  return zeros >= sample.length / 3 && /^(?:\0[^\0]){4}|^(?:[^\0]\0){4}/.test(sample);
}
