import { ConchError } from '../base/index.ts';

/** The parts of a server's address; `host:port` alone is HTTP. Throws USAGE for what is none. */
export function parseServerUrl(text: string): URL {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (!url || url.hostname === '') throw notAnAddress(text, 'is not the address of a server');
  if (!['http:', 'https:', 'grpc:', 'grpcs:'].includes(url.protocol)) {
    throw notAnAddress(text, `has the scheme '${url.protocol.slice(0, -1)}', which is not spoken here`);
  }
  return url;
}

export function notAnAddress(text: string, what: string): ConchError {
  return new ConchError('USAGE', `'${text}' ${what}`, { fix: 'give it like http://127.0.0.1:8000' });
}
