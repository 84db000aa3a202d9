// The only file of this folder that needs Node.
import { promisify } from 'node:util';
import { deflate, gzip, unzip } from 'node:zlib';
import { ConchError } from '../../base/index.ts';

export type ContentCoding = 'gzip' | 'deflate';

const run = { gzip: promisify(gzip), deflate: promisify(deflate) };
const unpack = promisify(unzip);

/** Codings that a request may have; other names are refused with `acceptedCodings` in the answer's Accept-Encoding. */
export const acceptedCodings = 'gzip, deflate';

/** Value of a Content-Encoding header: a coding, or undefined for none. Throws NOT_SUPPORTED for others. */
export function parseContentEncoding(header: string | undefined): ContentCoding | undefined {
  switch (header) {
    case undefined:
    case '':
    case 'identity':
      return undefined;
    case 'gzip':
    case 'deflate':
      return header;
    default:
      throw new ConchError('NOT_SUPPORTED', `Content-Encoding '${header.slice(0, 40)}' is not supported`, {
        fix: `use one of ${acceptedCodings}, identity`,
      });
  }
}

/**
 * The coding that an Accept-Encoding header asks for: the highest `;q=` of gzip, deflate and identity wins, the first of
 * equals. Undefined: none.
 */
export function chooseCoding(header: string | undefined): ContentCoding | undefined {
  if (header === undefined) return undefined;
  let best: string | undefined;
  let highest = 0;
  for (const part of header.split(',')) {
    const [name = '', weight] = part.split(';q=', 2);
    const type = name.trim();
    const quality = weight === undefined ? 1 : Number.parseFloat(weight);
    if ((type === 'gzip' || type === 'deflate' || type === 'identity') && quality > highest) {
      best = type;
      highest = quality;
    }
  }
  return best === 'gzip' || best === 'deflate' ? best : undefined;
}

/** Compresses; "deflate" is wrapped in a zlib header, as HTTP means it. */
export function compress(body: Uint8Array, coding: ContentCoding): Promise<Uint8Array> {
  return run[coding](body);
}

/**
 * Decompresses gzip or zlib data, whichever it is. Throws REQUEST_TOO_LARGE once the result passes `maxBytes`, so that
 * a small body cannot become a large one, and REQUEST_INVALID for broken or empty data.
 */
export async function decompress(body: Uint8Array, coding: ContentCoding, maxBytes: number): Promise<Uint8Array> {
  if (body.length === 0) throw new ConchError('REQUEST_INVALID', `the ${coding} body is empty`);
  try {
    return await unpack(body, { maxOutputLength: maxBytes });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      throw new ConchError(
        'REQUEST_TOO_LARGE',
        `the ${coding} body unpacks to more than the limit of ${maxBytes} bytes`,
        {
          fix: 'raise --http-max-input-size',
        },
      );
    }
    throw new ConchError('REQUEST_INVALID', `the ${coding} body cannot be unpacked: ${message}`, { cause: error });
  }
}
