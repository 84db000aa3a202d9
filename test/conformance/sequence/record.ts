import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchTriton } from '../../../scripts/fetch-triton.ts';
import { writeFiles } from '../../triton/oracle.ts';
import { RealTriton, unspaced } from '../../triton/real-triton.ts';
import { type CaseAnswers, play } from './answers.ts';
import { sequenceCases } from './cases.ts';
import { configOf, modelPy } from './model.ts';
import { OverHttp } from './over-http.ts';

// Writes down what a real Triton answers to every case, or to those whose name holds the argument; `npm test` compares the
// embedded server with it.
const folder = unspaced(fetchTriton());
const root = mkdtempSync(join(folder, 'sequence-'));
const file = new URL('recorded.json', import.meta.url);
const before = process.argv[2] ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, CaseAnswers>) : {};
const recorded: Record<string, CaseAnswers> = { ...before };
try {
  const only = process.argv[2] ?? '';
  for (const one of sequenceCases.filter(({ name }) => name.includes(only))) {
    writeFiles(root, { 'm/config.pbtxt': configOf(one), 'm/1/model.py': modelPy });
    const server = await RealTriton.start(folder, root);
    try {
      const loaded = await server.load('m');
      if (loaded.status !== 200) throw new Error(`${one.name}: ${loaded.body}`);
      recorded[one.name] = await play(one, new OverHttp(server.url));
    } finally {
      await server.stop();
    }
    process.stderr.write(`${one.name}\n`);
  }
  const lines = Object.entries(recorded).map(
    ([name, answers]) => `${JSON.stringify(name)}: ${JSON.stringify(answers)}`,
  );
  writeFileSync(file, `{\n${lines.join(',\n')}\n}\n`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
