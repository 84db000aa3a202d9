import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { ConchError } from './errors.ts';

/** Paths of PEM files. */
export interface TlsFiles {
  /** The server's certificate, with its chain. */
  readonly serverCert: string;
  readonly serverKey: string;
  /** Certificates of those who sign clients; with it every client must have a certificate. */
  readonly rootCert?: string;
}

/** What `node:tls` takes of it. */
export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

/** Reads the files and tries them. `flags` begins the options' names in messages, e.g. `--http`. Throws USAGE. */
export async function readTls(files: TlsFiles, flags: string): Promise<TlsMaterial> {
  const read = async (path: string, flag: string): Promise<Buffer> => {
    try {
      return await readFile(path);
    } catch (cause) {
      throw new ConchError('USAGE', `${flags}-${flag}: ${path} cannot be read: ${(cause as Error).message}`, { cause });
    }
  };
  const material: TlsMaterial = {
    cert: await read(files.serverCert, 'server-cert'),
    key: await read(files.serverKey, 'server-key'),
    ...(files.rootCert !== undefined && { ca: await read(files.rootCert, 'root-cert') }),
  };
  const attempt = (what: string, path: string, use: () => unknown): void => {
    try {
      use();
    } catch (cause) {
      throw new ConchError(
        'USAGE',
        `${flags}-${what}: ${path} is not a PEM file that fits: ${(cause as Error).message}`,
        {
          fix: 'give a certificate and the unencrypted private key that belongs to it, both in PEM form',
          cause,
        },
      );
    }
  };
  const { cert, key, ca } = material;
  attempt('server-cert', files.serverCert, () => new X509Certificate(cert));
  attempt('server-key', files.serverKey, () => createSecureContext({ cert, key }));
  // A context takes any text for one and then trusts nobody.
  if (ca) attempt('root-cert', files.rootCert!, () => new X509Certificate(ca));
  return material;
}
