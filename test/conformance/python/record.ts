import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchTriton } from '../../../scripts/fetch-triton.ts';
import { writeFiles } from '../../triton/oracle.ts';
import { RealTriton, unspaced } from '../../triton/real-triton.ts';
import { type CaseAnswers, play } from './answers.ts';
import { pythonCases } from './cases.ts';
import { filesOf } from './files.ts';

// Writes down what a real Triton answers to every case, or to those whose name holds the argument; `npm test` compares the
// embedded server with it.
const folder = unspaced(fetchTriton());
const root = mkdtempSync(join(folder, 'python-'));
const file = process.env.CONCH_RECORDED ?? new URL('recorded.json', import.meta.url);
const only = process.argv[2];
const recorded: Record<string, CaseAnswers> = only ? JSON.parse(readFileSync(file, 'utf8')) : {};
try {
  for (const one of pythonCases.filter(({ name }) => name.includes(only ?? ''))) {
    writeFiles(root, filesOf(one));
    const server = await RealTriton.start(folder, root, { metrics: true });
    try {
      for (const model of Object.keys(one.models)) {
        const loaded = await server.load(model);
        if (loaded.status !== 200) throw new Error(`${one.name}: ${loaded.body}`);
      }
      recorded[one.name] = await play(one, server);
    } finally {
      await server.stop();
    }
    process.stderr.write(`${one.name}\n`);
  }
  const lines = Object.entries(recorded).map(([name, said]) => `${JSON.stringify(name)}: ${JSON.stringify(said)}`);
  writeFileSync(file, `{\n${lines.join(',\n')}\n}\n`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
