import { writeFileSync } from 'node:fs';
import { fetchTriton } from '../../scripts/fetch-triton.ts';
import { cases } from './cases/index.ts';
import { type CaseAnswer, Oracle } from './oracle.ts';

// Writes what a real Triton says about every case to recorded.json, which `npm test` compares conch with.
const oracle = await Oracle.open(fetchTriton());
const recorded: Record<string, CaseAnswer> = {};
for (const [index, case_] of cases.entries()) {
  if (recorded[case_.name]) throw new Error(`two cases are called '${case_.name}'`);
  recorded[case_.name] = await oracle.ask(case_);
  process.stderr.write(`\r${index + 1} of ${cases.length}  `);
}
await oracle.close();
process.stderr.write('\n');
const lines = Object.entries(recorded).map(([name, answer]) => `${JSON.stringify(name)}: ${JSON.stringify(answer)}`);
writeFileSync(new URL('recorded.json', import.meta.url), `{\n${lines.join(',\n')}\n}\n`);
