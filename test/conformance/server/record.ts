import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchTriton } from '../../../scripts/fetch-triton.ts';
import { writeFiles } from '../../triton/oracle.ts';
import { RealTriton, unspaced } from '../../triton/real-triton.ts';
import { serverCases } from './cases.ts';
import { filesOf } from './files.ts';
import { World } from './world.ts';

// Writes down what a real Triton comes to in every case, or in those whose name holds the argument; `npm test` compares
// the embedded server with it.
const folder = unspaced(fetchTriton());
const file = process.env.CONCH_RECORDED ?? new URL('recorded.json', import.meta.url);
const only = process.argv[2];
const recorded: Record<string, unknown> = only ? JSON.parse(readFileSync(file, 'utf8')) : {};
for (const one of serverCases.filter(({ name }) => name.includes(only ?? ''))) {
  const root = mkdtempSync(join(folder, 'server-'));
  mkdirSync(join(root, 'models'));
  writeFiles(join(root, 'models'), filesOf(one));
  const flags = ['--log-format=ISO8601', '--trace-config=triton,file=/dev/null', '--trace-config=level=OFF'];
  const server = await RealTriton.start(folder, join(root, 'models'), { metrics: true, flags });
  const world = new World(server.url, server.grpcPort, server.metricsUrl, root);
  try {
    for (const model of one.explicit ? [] : Object.keys(one.models)) {
      const loaded = await server.load(model);
      if (loaded.status !== 200) throw new Error(`${one.name}: ${loaded.body}`);
    }
    recorded[one.name] = await one.run(world);
  } finally {
    world.close();
    await server.stop();
    rmSync(root, { recursive: true, force: true });
  }
  process.stderr.write(`${one.name}\n`);
}
const lines = Object.entries(recorded).map(([name, said]) => `${JSON.stringify(name)}: ${JSON.stringify(said)}`);
writeFileSync(file, `{\n${lines.join(',\n')}\n}\n`);
