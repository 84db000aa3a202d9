import { ConchError } from '../../../base/index.ts';
import { invalid, maxFileBytes } from './proto-file.ts';
import type { ReadOptions } from './source.ts';

const defaultTimeoutMs = 20_000;

/**
 * The text at an http(s) address.
 *
 * @throws SERVER_UNREACHABLE when there is no answer in time, SERVER_ERROR when it is no success, FILE_INVALID when it
 * is too large or a page of HTML.
 */
export async function download(
  address: string,
  { signal, timeoutMs = defaultTimeoutMs }: ReadOptions,
): Promise<string> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(address, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
    if (!response.ok) {
      await response.body?.cancel();
      throw new ConchError('SERVER_ERROR', `${address} answered ${response.status} ${response.statusText}`.trimEnd(), {
        fix: 'open the address in a browser; it must be that of the raw file',
      });
    }
    const text = await readLimited(response, address);
    if (/^\s*<(!doctype|html)/i.test(text)) {
      throw invalid(address, 'answered with a page of HTML: take the address of the raw file');
    }
    return text;
  } catch (thrown) {
    if (thrown instanceof ConchError || signal?.aborted) throw thrown;
    const reason = timeout.aborted ? `no answer within ${timeoutMs / 1000} s` : reasonOf(thrown);
    throw new ConchError('SERVER_UNREACHABLE', `${address} could not be read: ${reason}`, {
      fix: 'offline, name a file or folder instead, e.g. --against .conch/tritonclient',
      cause: thrown,
    });
  }
}

async function readLimited(response: Response, address: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > maxFileBytes) throw invalid(address, `is larger than ${maxFileBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** fetch says only "fetch failed"; the cause has the system's code, e.g. ENOTFOUND. */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  if (!(cause instanceof Error)) return String(cause);
  return cause.message || String((cause as NodeJS.ErrnoException).code ?? cause.name);
}
