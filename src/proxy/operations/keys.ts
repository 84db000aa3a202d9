import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { ConchError } from '../../base/index.ts';
import { type Rate, readRate, TokenBucket } from './token-bucket.ts';

/**
 * One client's key, as it is stored: its SHA-256 alone. Keys are 256 random bits, so that nothing is to be gained by
 * trying words, and a slow hash would only slow every request.
 */
export interface ApiKey {
  /** Told in logs and metrics; letters, digits and `._-`. */
  readonly name: string;
  /** SHA-256 of the key. */
  readonly digest: Buffer;
  /** May use the admin routes as well. */
  readonly admin: boolean;
  readonly rate?: Rate;
}

/** Who sent a request: what a key stands for, and the bucket that its requests are taken from. */
export interface KeyHolder {
  readonly name: string;
  readonly admin: boolean;
  readonly bucket: TokenBucket | undefined;
}

const keyName = /^[A-Za-z0-9._-]{1,64}$/;
const keyBytes = 32;

/** A new key: `ck-` and 256 random bits in base64url. */
export function makeKey(): string {
  return `ck-${randomBytes(keyBytes).toString('base64url')}`;
}

/** The line of a key file that stands for `key`. @throws USAGE for a name that cannot be one. */
export function keyLine(name: string, key: string, options: { admin?: boolean; rate?: string } = {}): string {
  if (!keyName.test(name)) {
    throw new ConchError('USAGE', `'${name}' cannot be the name of a key`, {
      fix: 'take up to 64 letters, digits, dots, hyphens and underscores',
    });
  }
  if (options.rate !== undefined) readRate(options.rate, 'rate');
  const parts = [name, `sha256:${digestOf(key).toString('hex')}`];
  if (options.admin) parts.push('admin');
  if (options.rate !== undefined) parts.push(`rate=${options.rate}`);
  return parts.join(' ');
}

/**
 * Reads keys, one a line (or between semicolons): `<name> sha256:<64 hex digits> [admin] [rate=<number>/<s|min|h>]`.
 * `#` begins a comment. @throws USAGE naming the line.
 */
export function parseKeys(text: string, source: string): ApiKey[] {
  const keys: ApiKey[] = [];
  for (const [index, line] of text.split(/[\n;]/).entries()) {
    const words = line.replace(/#.*/, '').trim().split(/\s+/).filter(Boolean);
    if (words.length === 0) continue;
    // What stands in the line may be a key that was pasted by mistake, so messages do not repeat it.
    const wrong = (what: string, fix = '`conch proxy key --name web` makes such a line') =>
      new ConchError('USAGE', `${source}:${index + 1}: ${what}`, { fix });
    const [name, hash = '', ...rest] = words as [string, ...string[]];
    if (!keyName.test(name)) throw wrong('expected a name of letters, digits, dots, hyphens and underscores');
    const hex = /^sha256:([0-9a-f]{64})$/i.exec(hash)?.[1];
    if (hex === undefined) throw wrong(`key '${name}': expected sha256: and 64 hex digits after the name`);
    if (keys.some((key) => key.name === name))
      throw wrong(`key '${name}' stands there twice`, 'give each its own name');
    let admin = false;
    let rate: Rate | undefined;
    for (const word of rest) {
      if (word === 'admin') admin = true;
      else if (word.startsWith('rate=')) rate = readRate(word.slice(5), `${source}:${index + 1}: key '${name}': rate`);
      else throw wrong(`key '${name}': after the hash come only admin and rate=<number>/<s|min|h>`);
    }
    keys.push({ name, digest: Buffer.from(hex, 'hex'), admin, ...(rate && { rate }) });
  }
  return keys;
}

/** The keys in force. They can be replaced while requests run; a key that stays keeps what its bucket holds. */
export class KeyRing {
  #keys: readonly { readonly digest: Buffer; readonly rate: Rate | undefined; readonly holder: KeyHolder }[] = [];
  readonly #now: () => number;

  constructor(keys: readonly ApiKey[], now: () => number = () => performance.now()) {
    this.#now = now;
    this.replace(keys);
  }

  get names(): string[] {
    return this.#keys.map(({ holder }) => holder.name);
  }

  get hasAdmin(): boolean {
    return this.#keys.some(({ holder }) => holder.admin);
  }

  replace(keys: readonly ApiKey[]): void {
    const before = new Map(this.#keys.map((entry) => [entry.holder.name, entry]));
    this.#keys = keys.map(({ name, digest, admin, rate }) => {
      const known = before.get(name);
      const same = known?.rate?.count === rate?.count && known?.rate?.perMs === rate?.perMs;
      const bucket = same ? known?.holder.bucket : rate && new TokenBucket(rate, this.#now);
      return { digest, rate, holder: { name, admin, bucket } };
    });
  }

  /** Whose key that is. Takes the same time whichever it is, and for one that is nobody's. */
  find(presented: string): KeyHolder | undefined {
    const digest = digestOf(presented);
    let found: KeyHolder | undefined;
    for (const key of this.#keys) if (timingSafeEqual(key.digest, digest)) found = key.holder;
    return found;
  }
}

function digestOf(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}
