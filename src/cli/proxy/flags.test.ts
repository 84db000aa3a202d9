import { expect, test } from 'vitest';
import { accessFrom } from './access.ts';
import { limitOptions, limitsFrom } from './limits.ts';
import { route, serverAddress, shadow, upstreamFrom } from './upstream.ts';

test('servers have an address and may have a weight', () => {
  expect(serverAddress('http://a:8000', '--server')).toEqual({ url: 'http://a:8000' });
  expect(serverAddress('http://a:8000/base/=2.5', '--server')).toEqual({ url: 'http://a:8000/base', weight: 2.5 });
  expect(serverAddress('grpc://a:8001=3', '--server')).toEqual({ url: 'grpc://a:8001', weight: 3 });
  expect(() => serverAddress('ftp://a', '--server')).toThrow(
    "--server: expected an address like http://127.0.0.1:8000, got 'ftp://a'",
  );
  expect(() => serverAddress('http://a=0', '--server')).toThrow('--server: weight: expected a number above 0');
  expect(upstreamFrom({ retries: 0, ejectAfter: 2, ejectMs: 5 })).toEqual({
    spread: { retries: 0, circuit: { consecutiveFailures: 2, ejectMs: 5 } },
  });
});

test('limits become those of the proxy', () => {
  expect(limitsFrom({})).toEqual({});
  expect(limitsFrom({ maxBodyBytes: 5, maxConcurrent: 2, timeoutMs: 7, drainMs: 0 })).toEqual({
    limits: { bodyBytes: 5, concurrentRequests: 2 },
    timeoutMs: 7,
    drainMs: 0,
  });
  const { parse } = limitOptions.find(({ flags }) => flags.startsWith('--rate-limit'))!;
  expect(parse!('600/min', '--rate-limit')).toEqual({ max: 600, windowMs: 60_000 });
  expect(() => parse!('600', '--rate-limit')).toThrow(
    "--rate-limit: expected a rate like 100/s, 600/min or 1000/h, got '600'",
  );
});

test('a certificate and its key go together', () => {
  expect(accessFrom({ tlsServerCert: 'c', tlsServerKey: 'k', tlsRootCert: 'r' }, {})).toEqual({
    tls: { serverCert: 'c', serverKey: 'k', rootCert: 'r' },
  });
  expect(() => accessFrom({ tlsRootCert: 'r' }, {})).toThrow('--tls-server-cert is missing');
});

test('traffic is shared out between versions, and copied to a shadow', () => {
  expect(route('finbert=2:90,3:10', '--route')).toEqual(['finbert', { '2': 90, '3': 10 }]);
  expect(() => route('finbert=2', '--route')).toThrow('--route: expected <model>=<version>:<weight>,...,');
  expect(shadow('http://b:8000:12.5%', '--shadow')).toEqual({ url: 'http://b:8000', share: 0.125 });
  for (const text of ['http://b:8000', 'http://b:8000:101%', 'b:10%']) {
    expect(() => shadow(text, '--shadow')).toThrow('--shadow: expected');
  }
});
