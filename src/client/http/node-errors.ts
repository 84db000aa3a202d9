/** What a network error of Node's means in plain words, and what to do about it where that is clear. */
export function explain(error: NodeJS.ErrnoException): [reason: string, fix?: string] {
  switch (error.code) {
    case 'ECONNREFUSED':
      return ['nothing listens at that address', 'start the server, or check host and port'];
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return ['the host name cannot be resolved', 'check the host name'];
    case 'ECONNRESET':
    case 'EPIPE':
      return ['the connection was closed before the answer was complete'];
    case 'ETIMEDOUT':
      return ['the connection attempt got no answer'];
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return ['there is no route to that host'];
    case 'EMFILE':
    case 'ENFILE':
      return ['this process has too many open files'];
  }
  const { code = '', message } = error;
  if (code.startsWith('HPE_')) return ['what answers there does not speak HTTP', 'check the port'];
  if (code.startsWith('ERR_SSL') || code === 'EPROTO') return ['TLS failed', 'check http or https'];
  if (certificateCodes.test(code)) {
    return [
      `its certificate is not accepted: ${message}`,
      'name the authority that signed it as tls.ca, or the host it is for as tls.serverName (NODE_EXTRA_CA_CERTS works too)',
    ];
  }
  return [message || code || 'unknown error'];
}

const certificateCodes = /^(CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|ERR_TLS_CERT)/;
