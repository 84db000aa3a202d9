import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeProgram } from '../../../../test/node-program.ts';

/**
 * A folder with programs that stand for python3 and uv: scripts that keep what an environment has installed in a file of
 * it, note how they were called, and fail as they are told. For tests of what conch asks of them, without the gigabytes.
 */
export class FakeTools {
  readonly bin: string;
  readonly calls: string;

  constructor(dir: string) {
    this.bin = join(dir, 'bin');
    this.calls = join(dir, 'calls.log');
    mkdirSync(this.bin, { recursive: true });
  }

  /** Variables under which only these programs are found. */
  env(cache: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    return { PATH: this.bin, CONCH_CACHE: cache, ...more };
  }

  /** `python3`: says `version` of itself, makes environments, and installs in them what it is told. */
  python(
    options: { readonly version?: string; readonly venv?: boolean; readonly packages?: Record<string, string> } = {},
  ): this {
    return this.#write('python3', { version: '3.12.1', venv: true, packages: {}, ...options });
  }

  uv(): this {
    return this.#write('uv', {});
  }

  /** What the next installation prints before it fails; undefined to let it work. */
  failWith(message: string | undefined): this {
    writeFileSync(join(this.bin, 'failure'), message ?? '');
    return this;
  }

  /**
   * What export_module.py says when python3 is to run it, a report a line (`{files}` in the last writes them first), or
   * how it ends instead: by that exit code, or by waiting for ever.
   */
  exportWith(reports: readonly object[] | number | 'for ever'): this {
    writeFileSync(join(this.bin, 'reports'), JSON.stringify(reports));
    return this;
  }

  /** What export_module.py was last told. */
  order(): Record<string, unknown> {
    return JSON.parse(readFileSync(join(this.bin, 'order'), 'utf8')) as Record<string, unknown>;
  }

  /** The command lines so far, each program by its name. */
  log(): string[] {
    if (!existsSync(this.calls)) return [];
    return readFileSync(this.calls, 'utf8').trim().split('\n');
  }

  #write(name: string, facts: object): this {
    const path = join(this.bin, name);
    const settings = { node: process.execPath, bin: this.bin, calls: this.calls, facts };
    writeFileSync(path, nodeProgram(`const settings = ${JSON.stringify(settings)};\n${program}`));
    chmodSync(path, 0o755);
    return this;
  }
}

const program = String.raw`
const fs = require('node:fs');
const path = require('node:path');
const { node, bin, calls, facts } = settings;
const args = process.argv.slice(2);
const self = path.basename(process.argv[1]);
const home = path.dirname(path.dirname(process.argv[1]));
const state = path.join(home, 'installed.json');
const installed = () => (fs.existsSync(state) ? JSON.parse(fs.readFileSync(state, 'utf8')) : (facts.packages ?? {}));
if (!args[0].endsWith('versions.py')) {
  const readable = args.map((arg) => (arg.includes('/python/compile/') ? path.basename(arg) : arg));
  fs.appendFileSync(calls, [self, ...readable].join(' ') + '\n');
}
const makeEnvironment = (dir) => {
  fs.mkdirSync(path.join(dir, 'bin'), { recursive: true });
  const own = 'const settings = ' + JSON.stringify({ ...settings, facts: { version: '3.12.1', venv: true, packages: {} } }) + ';';
  const text = fs.readFileSync(process.argv[1], 'utf8').replace(/const settings = .*;/, () => own);
  fs.writeFileSync(path.join(dir, 'bin', 'python3'), text, { mode: 0o755 });
};
const install = (dir) => {
  const failure = fs.existsSync(path.join(bin, 'failure')) ? fs.readFileSync(path.join(bin, 'failure'), 'utf8') : '';
  if (failure) {
    console.error(failure);
    process.exit(1);
  }
  const file = path.join(dir, 'installed.json');
  const has = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {};
  const from = args.indexOf('-r');
  const lines = from === -1 ? args.filter((arg) => arg.includes('==')) : fs.readFileSync(args[from + 1], 'utf8').split('\n');
  for (const line of lines) {
    const [, name, version] = /^([a-z0-9-]+)==([^ ;]+)/.exec(line) ?? [];
    if (name) has[name] = version + (from === -1 ? '+cpu' : '');
    if (name) console.log('Collecting ' + name + '==' + version);
  }
  fs.writeFileSync(file, JSON.stringify(has));
};
if (args[0].endsWith('versions.py')) {
  const has = installed();
  const packages = Object.fromEntries(args.slice(1).map((name) => [name, has[name] ?? null]));
  console.log(JSON.stringify({ version: facts.version, executable: process.argv[1], venv: facts.venv, packages }));
} else if (args[0] === '-m' && args[1] === 'venv') makeEnvironment(args.at(-1));
else if (args[0] === 'venv') makeEnvironment(args.at(-1));
else if (args[0].endsWith('export_module.py')) {
  const order = JSON.parse(fs.readFileSync(args[1], 'utf8'));
  fs.writeFileSync(path.join(bin, 'order'), JSON.stringify(order));
  const reports = JSON.parse(fs.readFileSync(path.join(bin, 'reports'), 'utf8'));
  console.error('Traceback: of the log');
  if (reports === 'for ever') setInterval(() => {}, 1000);
  else if (typeof reports === 'number') process.exit(reports);
  else for (const report of reports) {
    for (const { file } of Object.values(report.done?.formats ?? {})) fs.writeFileSync(path.join(order.out, file), file);
    console.log(JSON.stringify(report));
  }
} else if (args[0] === '-m' && args[1] === 'pip') install(home);
else if (args[0] === 'pip') install(path.dirname(path.dirname(args[args.indexOf('--python') + 1])));
else if (args[0] === '-c' && !installed().torch) process.exit(1);
`;
