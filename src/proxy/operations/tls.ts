import type { Server } from 'node:https';
import type { FastifyInstance } from 'fastify';
import { type Logger, readTls, type TlsFiles, toConchError } from '../../base/index.ts';
import { watchFiles } from './watched-files.ts';

/** What Fastify's `https` takes: TLS 1.2 and newer; with a root certificate only clients with one of its own. */
export async function tlsSettings(files: TlsFiles) {
  const material = await readTls(files, '--tls');
  return { ...material, ...(material.ca && { requestCert: true, rejectUnauthorized: true }) };
}

/**
 * Puts the files in force again whenever they change, for connections that are made from then on. Files that do not
 * fit, as while only one of two has been replaced, change nothing.
 */
export function followCertificates(
  app: FastifyInstance,
  files: TlsFiles,
  logger: Logger,
  everyMs?: number,
): () => void {
  const paths = [files.serverCert, files.serverKey, ...(files.rootCert === undefined ? [] : [files.rootCert])];
  const reread = async () => {
    try {
      (app.server as unknown as Server).setSecureContext(await tlsSettings(files));
      logger.info('the certificate was read again');
    } catch (thrown) {
      logger.warn(`the certificate stays as it was: ${toConchError(thrown).message}`);
    }
  };
  return watchFiles(paths, () => void reread(), everyMs);
}
