import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLogger } from '../src/base/index.ts';
import { startServer } from '../src/server/index.ts';

// npm run test:h2spec [-- arguments of h2spec]: h2spec, the HTTP/2 conformance suite, against the gRPC port of a server.
// It is built with Go from its module the first time.
const folder = fileURLToPath(new URL('../.conch/h2spec', import.meta.url));
const program = join(folder, 'h2spec');
const module = 'github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible';

if (!existsSync(program)) {
  mkdirSync(folder, { recursive: true });
  const { status, error, stderr } = spawnSync('go', ['install', module], {
    env: { ...process.env, GOBIN: folder, GOFLAGS: '-mod=mod' },
    encoding: 'utf8',
  });
  if (status !== 0) {
    console.error(`h2spec could not be built: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
    console.error('  fix: have Go and its module proxy in reach');
    process.exit(1);
  }
}

const repository = mkdtempSync(join(tmpdir(), 'conch-h2spec-'));
const logger = createLogger('silent');
const server = await startServer({ repository, httpPort: 0, grpcPort: 0, metricsPort: false, logger });
const args = ['-h', '127.0.0.1', '-p', String(server.grpcPort), ...process.argv.slice(2)];
const code = await new Promise<number | null>((resolve) => {
  spawn(program, args, { stdio: 'inherit' }).once('exit', resolve);
});
await server.close();
rmSync(repository, { recursive: true });
process.exitCode = code ?? 1;
