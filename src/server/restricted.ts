import { createHash, timingSafeEqual } from 'node:crypto';
import { ConchError } from '../base/index.ts';

/** What access can be restricted to, in Triton's terms. Of gRPC the same: `health` is also the gRPC health service. */
export const restrictedCategories = [
  'health',
  'metadata',
  'inference',
  'shared-memory',
  'model-config',
  'model-repository',
  'statistics',
  'trace',
  'logging',
] as const;
export type RestrictedCategory = (typeof restrictedCategories)[number];

/** Calls of these categories must carry this header. */
export interface Restriction {
  readonly categories: readonly RestrictedCategory[];
  readonly header: string;
  readonly value: string;
}

/** Reads `<category,...>:<header>=<value>`. Throws USAGE. */
export function parseRestriction(text: string, flag: string): Restriction {
  const [, list, header, value] = /^([^:]*):([^=]+)=(.+)$/s.exec(text) ?? [];
  if (list === undefined || header === undefined || value === undefined) {
    const example = 'model-repository,logging:admin-key=secret';
    throw new ConchError('USAGE', `${flag}: expected <category,...>:<header>=<value>, e.g. ${example}`);
  }
  const categories = list.split(',').map((one) => one.trim());
  const unknown = categories.find((one) => !restrictedCategories.includes(one as RestrictedCategory));
  if (unknown !== undefined) {
    throw new ConchError('USAGE', `${flag}: '${unknown}' is no category; there are ${restrictedCategories.join(', ')}`);
  }
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(header)) {
    throw new ConchError('USAGE', `${flag}: '${header}' cannot be the name of a header`);
  }
  return { categories: categories as RestrictedCategory[], header, value };
}

/** Which calls need which header. One per protocol. */
export class RestrictedAccess {
  readonly #needed = new Map<RestrictedCategory, { readonly header: string; readonly name: string; value: Buffer }>();

  /**
   * `prefix` stands before each header's name on the wire: gRPC has `triton-grpc-protocol-`. Throws USAGE for a category
   * that two restrictions name.
   */
  constructor(restrictions: readonly Restriction[], flag: string, prefix = '') {
    for (const { categories, header, value } of restrictions) {
      for (const category of categories) {
        if (this.#needed.has(category)) {
          throw new ConchError('USAGE', `${flag}: '${category}' may be in one group only, it is in two`);
        }
        const name = prefix + header;
        this.#needed.set(category, { header: name, name: name.toLowerCase(), value: digest(value) });
      }
    }
  }

  /** False: every call may go on. */
  get any(): boolean {
    return this.#needed.size > 0;
  }

  /** The header that a call lacks, or has with another value; undefined when it may go on. `read` takes lower case. */
  missing(category: RestrictedCategory, read: (name: string) => string | undefined): string | undefined {
    const needed = this.#needed.get(category);
    if (!needed) return undefined;
    const given = read(needed.name);
    // Of equal length and in constant time, so that the time taken tells nothing about the value.
    return given !== undefined && timingSafeEqual(digest(given), needed.value) ? undefined : needed.header;
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
