import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeProgram } from '../../../../test/node-program.ts';

export interface FakeTensorrt {
  readonly version?: string;
  readonly computeCapability?: string;
  /** What the image's variables are. */
  readonly environment?: Record<string, string>;
  /** What a command prints before it fails, by what it does. */
  readonly fails?: { readonly environment?: string; readonly build?: string; readonly run?: string };
  /** The build never ends. */
  readonly waits?: boolean;
  /** Added to every output of the plan. */
  readonly error?: number;
  /** The build writes no plan. */
  readonly writesNothing?: boolean;
}

/**
 * Programs `docker`, `trtexec` and `ssh` that do what the real ones do as far as conch sees it: print what trtexec prints,
 * write a plan, and run it (with ONNX Runtime, on the model that lies beside). They note how they were called.
 */
export class FakeDocker {
  readonly bin: string;
  readonly #calls: string;

  constructor(dir: string) {
    this.bin = join(dir, 'bin');
    this.#calls = join(dir, 'calls.log');
    mkdirSync(this.bin, { recursive: true });
    for (const name of ['docker', 'trtexec', 'ssh']) {
      const file = join(this.bin, name);
      writeFileSync(file, nodeProgram(program(this.bin, this.#calls)));
      chmodSync(file, 0o755);
    }
    this.is({});
  }

  is(facts: FakeTensorrt): this {
    writeFileSync(join(this.bin, 'facts.json'), JSON.stringify(facts));
    return this;
  }

  /** The command lines so far. */
  log(): string[] {
    return existsSync(this.#calls) ? readFileSync(this.#calls, 'utf8').trim().split('\n') : [];
  }
}

function program(bin: string, calls: string): string {
  const require = join(import.meta.dirname, '../../../../package.json');
  return `
const fs = require('node:fs');
const path = require('node:path');
const { version = '10.16.0', computeCapability = '8.9', environment = {}, fails = {}, ...facts } =
  JSON.parse(fs.readFileSync(${JSON.stringify(join(bin, 'facts.json'))}, 'utf8'));
const args = process.argv.slice(2);
fs.appendFileSync(${JSON.stringify(calls)}, [path.basename(process.argv[1]), ...args].join(' ') + '\\n');
const at = (flag) => args.find((arg) => arg.startsWith(flag + '='))?.slice(flag.length + 1);
const mount = args[args.indexOf('-v') + 1] ?? '';
const local = (file) => (file.startsWith('/work/') && mount.includes(':/work') ? mount.replace(/:\\/work$/, '') + file.slice(5) : file);
const say = (text) => process.stdout.write(text + '\\n');
const fail = (text) => { say(text); process.exit(1); };
const time = '[11/26/2026-10:00:00] ';
if (args.includes('printenv')) {
  if (fails.environment) { process.stderr.write(fails.environment + '\\n'); process.exit(125); }
  for (const [name, value] of Object.entries(environment)) say(name + '=' + value);
} else {
  const packed = 'v' + version.split('.').slice(0, 3).map((part, index) => (index === 0 ? part : part.padStart(2, '0'))).join('');
  say('&&&& RUNNING TensorRT.trtexec [TensorRT ' + packed + '] [b72] # trtexec ' + args.join(' '));
  say(time + '[I] Selected Device: NVIDIA L4');
  say(time + '[I] Compute Capability: ' + computeCapability);
  say(time + '[I] TensorRT version: ' + version);
  if (at('--saveEngine')) {
    if (facts.waits) setInterval(() => {}, 1000);
    else if (fails.build) fail(fails.build);
    else {
      fs.accessSync(local(at('--onnx')));
      if (!facts.writesNothing) fs.writeFileSync(local(at('--saveEngine')), 'plan of ' + version + ' for ' + computeCapability);
      fs.writeFileSync(local(at('--timingCacheFile')), 'measured');
      say(time + '[I] Engine built in 12.5 sec.');
      say('&&&& PASSED TensorRT.trtexec [TensorRT ' + packed + ']');
    }
  } else if (fails.run) fail(fails.run);
  else run().then(() => say('&&&& PASSED TensorRT.trtexec [TensorRT ' + packed + ']'));
}

async function run() {
  const { InferenceSession, Tensor } = require('node:module').createRequire(${JSON.stringify(require)})('onnxruntime-node');
  const session = await InferenceSession.create(path.join(path.dirname(local(at('--loadEngine'))), 'model.onnx'));
  const shapes = Object.fromEntries(at('--shapes').split(',').map((part) => part.split(':')));
  const feeds = {};
  for (const part of at('--loadInputs').split(',')) {
    const [name, file] = part.split(':');
    const bytes = fs.readFileSync(local(file));
    const dims = shapes[name].split('x').map(Number);
    const wide = bytes.length === 8 * dims.reduce((product, size) => product * size, 1);
    const content = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    feeds[name] = wide
      ? new Tensor('int64', new BigInt64Array(content), dims)
      : new Tensor('float32', new Float32Array(content), dims);
  }
  const outputs = await session.run(feeds);
  const list = Object.entries(outputs).map(
    ([name, { dims, data }]) =>
      '{ "name" : "' + name + '", "dimensions" : "' + dims.join('x') + '", "values" : [ ' +
      Array.from(data, (value) => String(Number((value + (facts.error ?? 0)).toPrecision(6)))).join(', ') + ' ] }',
  );
  fs.writeFileSync(local(at('--exportOutput')), '[\\n  ' + list.join(', ') + '\\n]\\n');
}
`;
}
