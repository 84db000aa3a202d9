import { ConchError } from '../../base/index.ts';

/** What request parameters mean to the server itself; a header of such a name cannot be forwarded. */
const reserved = new Set([
  ...['sequence_id', 'sequence_start', 'sequence_end', 'priority', 'timeout', 'binary_data_output', 'headers'],
]);

/**
 * Triton's --http-header-forward-pattern, and --grpc-...: headers whose name has a match anywhere become string parameters of the
 * request. Upper and lower case are the same unless the pattern begins with `(?-i)`.
 */
export class HeaderForwarding {
  readonly #pattern: RegExp;

  /** Throws USAGE for what is no regular expression. */
  constructor(pattern: string, flag = '--http-header-forward-pattern') {
    const exact = pattern.startsWith('(?-i)');
    const source = pattern.replace(/^\(\?-?i\)/, '');
    try {
      this.#pattern = new RegExp(source, exact ? '' : 'i');
    } catch (cause) {
      throw new ConchError('USAGE', `${flag}: ${(cause as Error).message}`, { cause });
    }
  }

  /** Throws REQUEST_INVALID for a header that is named like a parameter with a meaning of its own. */
  parametersOf(headers: Iterable<readonly [name: string, value: string]>): Record<string, string> {
    // Without a prototype, `__proto__` is a name like any other.
    const parameters: Record<string, string> = Object.create(null);
    for (const [name, value] of headers) {
      if (!this.#pattern.test(name)) continue;
      if (reserved.has(name) || name.startsWith('triton_')) {
        throw new ConchError(
          'REQUEST_INVALID',
          `header '${name}' is forwarded, but a parameter of that name is reserved`,
        );
      }
      parameters[name] = value;
    }
    return parameters;
  }
}
