import { expect, test } from 'vitest';
import { grpcFrom } from './grpc.ts';

test("nothing said is Triton's default", async () => {
  expect(await grpcFrom({ grpcPort: 8001, grpcInferResponseCompressionLevel: 'none' })).toEqual({
    grpcPort: 8001,
    grpc: { compressionLevel: 'none', restrictedProtocol: [], keepalive: {} },
  });
  expect(await grpcFrom({ grpcPort: 8001, allowGrpc: false })).toEqual({});
});

test('TLS wants its files', async () => {
  const files = { grpcServerCert: 'cert.pem', grpcServerKey: 'key.pem' };
  const named = { serverCert: 'cert.pem', serverKey: 'key.pem' };
  expect((await grpcFrom({ grpcUseSsl: true, ...files })).grpc?.tls).toEqual(named);
  expect((await grpcFrom({ grpcUseSslMutual: true, ...files, grpcRootCert: 'ca.pem' })).grpc?.tls).toEqual({
    ...named,
    rootCert: 'ca.pem',
  });
  await expect(grpcFrom({ grpcUseSsl: true })).rejects.toThrow('--grpc-use-ssl needs --grpc-server-cert');
  await expect(grpcFrom({ grpcUseSslMutual: true, ...files })).rejects.toThrow(
    '--grpc-use-ssl-mutual needs --grpc-root-cert',
  );
});

test('restrictions and keepalive', async () => {
  const { grpc } = await grpcFrom({
    grpcRestrictedProtocol: ['model-repository,trace:admin=secret'],
    grpcKeepaliveTime: 5000,
    grpcHttp2MaxPingStrikes: 0,
  });
  expect(grpc?.restrictedProtocol).toEqual([
    { categories: ['model-repository', 'trace'], header: 'admin', value: 'secret' },
  ]);
  expect(grpc?.keepalive).toEqual({ timeMs: 5000, maxPingStrikes: 0 });
  await expect(grpcFrom({ grpcRestrictedProtocol: ['nothing:a=b'] })).rejects.toThrow(
    "--grpc-restricted-protocol: 'nothing' is no category",
  );
});
