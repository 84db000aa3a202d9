import type { IncomingMessage, ServerResponse } from 'node:http';
import helmet from 'helmet';

/**
 * The headers with which browsers are told to be careful. They are the same for every answer, so helmet makes them once:
 * made for each they cost as much as the routing. `secure`: the proxy itself speaks HTTPS.
 */
export function securityHeaders(secure = false): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  const write = helmet({
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    // Where the proxy speaks plain HTTP, whatever adds TLS in front of it knows whether HTTPS may be enforced.
    strictTransportSecurity: secure ? { maxAge: 31_536_000 } : false,
  });
  const response = {
    setHeader: (name: string, value: string) => {
      headers[name.toLowerCase()] = value;
    },
    removeHeader: () => {},
  };
  write({} as IncomingMessage, response as unknown as ServerResponse, (error?: unknown) => {
    if (error) throw error;
  });
  return headers;
}
