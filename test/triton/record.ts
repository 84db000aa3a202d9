import { writeFileSync } from 'node:fs';
import { fetchTriton } from '../../scripts/fetch-triton.ts';
import { hashValue } from '../../src/base/index.ts';
import { cases } from './cases/index.ts';
import { Oracle } from './oracle.ts';
import { type Recorded, readRecorded } from './recorded.ts';

// Writes what a real Triton says about every case to recorded.json, which `npm test` compares conch with. Cases that
// were asked before are kept; --all asks again.
const names = cases.map((one) => one.name);
const twice = names.find((name, index) => names.indexOf(name) !== index);
if (twice) throw new Error(`two cases are called '${twice}'`);

const before = process.argv.includes('--all') ? {} : readRecorded();
const oracle = await Oracle.open(fetchTriton());
const recorded: Record<string, Recorded> = {};
try {
  for (const [index, case_] of cases.entries()) {
    const files = hashValue(case_.files);
    const known = before[case_.name];
    recorded[case_.name] = known?.files === files ? known : { files, ...(await oracle.ask(case_)) };
    process.stderr.write(`\r${index + 1} of ${cases.length}  `);
  }
} finally {
  await oracle.close();
  const lines = Object.entries({ ...before, ...recorded })
    .filter(([name]) => names.includes(name))
    .map(([name, answer]) => `${JSON.stringify(name)}: ${JSON.stringify(answer)}`);
  writeFileSync(new URL('recorded.json', import.meta.url), `{\n${lines.join(',\n')}\n}\n`);
  process.stderr.write('\n');
}
