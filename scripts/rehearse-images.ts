import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { composeFiles, planDeployment } from '../src/deploy/index.ts';
import { freePort } from '../test/free-port.ts';

// Rehearses the builds of the images without Docker: each stage is a folder, COPY copies, RUN runs in a shell there, and
// what comes out is started, asked by the image's own health check, and stopped. What it cannot show is the base images.

const root = join(import.meta.dirname, '..');
const work = mkdtempSync(join(tmpdir(), 'conch-images-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));

interface Image {
  /** The last stage's folder, which stands for the root of its file system. */
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly instructions: readonly (readonly [name: string, rest: string])[];
}

/** Instructions of a Dockerfile, lines that a backslash continues joined, comments gone. */
function parse(text: string): [string, string][] {
  const lines = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n\s*/g, ' ');
  return lines.split('\n').flatMap((line) => {
    const [, name, rest] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, rest!] as [string, string]];
  });
}

function build(dockerfile: string, context: string, args: Record<string, string> = {}): Image {
  const stages = new Map<string, string>();
  const instructions = parse(readFileSync(dockerfile, 'utf8'));
  let stage = '';
  let folder = '';
  const environment: Record<string, string> = {};
  for (const [name, rest] of instructions) {
    if (name === 'FROM') {
      stage = join(work, `${basename(context)}-${basename(dockerfile)}-${stages.size}`);
      stages.set(/ AS (\w+)$/.exec(rest)?.[1] ?? '', stage);
      folder = '/';
    } else if (name === 'WORKDIR') {
      folder = rest;
      mkdirSync(join(stage, rest), { recursive: true });
    } else if (name === 'ARG') {
      const [key, value] = rest.split('=') as [string, string];
      environment[key] = args[key] ?? value;
    } else if (name === 'ENV') {
      for (const pair of rest.split(' ')) {
        const [key, value] = pair.split('=') as [string, string];
        environment[key] = value.replace(/^(?=\/)/, stage);
      }
    } else if (name === 'COPY') copy(rest, { stages, stage, folder, context });
    else if (name === 'RUN') run(rest.replaceAll(inImage, stage), join(stage, folder), environment);
  }
  return { root: stage, environment, instructions };
}

/** Paths of the image in a RUN line, which lie below the stage's folder here. */
const inImage = /(?<=\s)(?=\/(?:app|opt|root|tmp)\/)/g;

interface Copying {
  readonly stages: ReadonlyMap<string, string>;
  readonly stage: string;
  readonly folder: string;
  readonly context: string;
}

function copy(text: string, { stages, stage, folder, context }: Copying): void {
  const [, from, rest] = /^(?:--from=(\w+) )?(.*)$/.exec(text)!;
  const parts = rest!.split(' ');
  const to = parts.pop()!;
  const target = to.startsWith('/') ? join(stage, to) : join(stage, folder, to);
  const source = from === undefined ? context : stages.get(from)!;
  // What the stage has of its base image, which is not here.
  if (parts[0]!.startsWith('/usr/')) return;
  const files = parts.flatMap((part) =>
    part.startsWith('*') ? readdirSync(source).filter((one) => one.endsWith(part.slice(1))) : [part],
  );
  for (const file of files) {
    const path = join(source, file);
    const isFolder = statSync(path).isDirectory();
    mkdirSync(isFolder ? target : dirname(join(target, 'x')), { recursive: true });
    cpSync(path, isFolder ? target : join(target, basename(path)), { recursive: true, verbatimSymlinks: true });
  }
}

function run(command: string, cwd: string, environment: Record<string, string>): void {
  process.stderr.write(`  RUN ${command.slice(0, 100)}\n`);
  // As in the image: the Node.js that runs this, and none of the checkout's programs before it.
  const path = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;
  const env = { ...process.env, PATH: path, ...environment };
  const { status } = spawnSync('sh', ['-c', command], { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`RUN ended with ${status}: ${command}`);
}

/** The checkout as Docker would send it: what its ignore file lets through. */
function checkoutContext(): string {
  const context = join(work, 'checkout');
  const seen = readFileSync(join(root, 'docker/Dockerfile.dockerignore'), 'utf8').match(/^!.+$/gm)!;
  const left = /__pycache__|\.test\.ts$/;
  const patterns = seen.map((line) => new RegExp(`^${line.slice(1).replaceAll('.', '\\.').replaceAll('*', '.*')}$`));
  for (const name of readdirSync(root).filter((one) => patterns.some((pattern) => pattern.test(one)))) {
    cpSync(join(root, name), join(context, name), { recursive: true, filter: (path) => !left.test(path) });
  }
  return context;
}

/** The context that `conch deploy compose` writes, with the package beside it as npm pack makes it. */
async function packageContext(): Promise<string> {
  const plan = await planDeployment({ repository: join(root, 'models'), target: 'triton:26.07' });
  for (const { path, text } of composeFiles(plan, work)) {
    if (!path.startsWith('conch/')) continue;
    mkdirSync(join(work, dirname(path)), { recursive: true });
    writeFileSync(join(work, path), text);
  }
  const npm = (...args: string[]) =>
    execFileSync('npm', args, {
      cwd: join(work, 'checkout-Dockerfile-0/build'),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  npm('pack', '--ignore-scripts', '--pack-destination', join(work, 'conch'));
  return join(work, 'conch');
}

/** Starts what the image starts, with its entry point and `command`, asks its health check, and stops it. */
async function start(
  image: Image,
  command: readonly string[],
  health: string,
): Promise<{ readyMs: number; code: number }> {
  const last = (name: string) => image.instructions.findLast(([one]) => one === name)![1];
  const [program, main] = JSON.parse(last('ENTRYPOINT')) as [string, string];
  const check = JSON.parse(/CMD (\[.*\])$/.exec(last('HEALTHCHECK'))![1]!) as [string, ...string[]];
  const begun = performance.now();
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    CONCH_CACHE: join(work, 'cache'),
    CONCH_HEALTH_URL: health,
  };
  const child = spawn(program === 'node' ? process.execPath : program, [join(image.root, main), ...command], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  for (;;) {
    const { status } = spawnSync(process.execPath, check.slice(1), { env });
    if (status === 0) break;
    if (child.exitCode !== null) throw new Error(`${command.join(' ')} ended with ${child.exitCode}`);
  }
  const readyMs = performance.now() - begun;
  child.kill('SIGTERM');
  const [code] = (await exited) as [number];
  return { readyMs, code };
}

/** Compiles the PyTorch example in the image of that, as its entry point does. */
function compileIn({ root: stage, environment }: Image): void {
  const folder = join(work, 'work');
  cpSync(join(root, 'examples/simple_net'), folder, { recursive: true });
  const what = 'simple_net.py:SimpleNet --name net --out models --input x:FP32:10 --output prediction';
  const env = { PATH: process.env.PATH, ...environment };
  execFileSync(process.execPath, [join(stage, 'app/dist/main.js'), 'compile', ...what.split(' ')], {
    ...{ cwd: folder, env, stdio: 'inherit' },
  });
}

function sizeOf(path: string): number {
  // A virtual environment's lib64 is a link to lib.
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return 0;
  if (!found.isDirectory()) return found.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
if (!existsSync(join(root, 'models'))) throw new Error('there is no repository to serve: run conch compile first');

const images: [string, Image][] = [];
process.stderr.write('docker/Dockerfile\n');
images.push(['docker/Dockerfile', build(join(root, 'docker/Dockerfile'), checkoutContext())]);
process.stderr.write('conch/Dockerfile, as conch deploy compose writes it\n');
const context = await packageContext();
const tarball = readdirSync(context).find((name) => name.endsWith('.tgz'))!;
images.push(['conch/Dockerfile', build(join(context, 'Dockerfile'), context, { CONCH: `./${tarball}` })]);

for (const [name, image] of images) {
  const app = join(image.root, 'app');
  const [http, proxy] = [await freePort(), await freePort()];
  const served = await start(
    image,
    ['serve', join(root, 'models'), '--http-port', `${http}`, '--allow-grpc=false', '--allow-metrics=false'],
    `http://127.0.0.1:${http}/v2/health/ready`,
  );
  const proxied = await start(
    image,
    ['proxy', '--repository', join(root, 'models'), '--port', `${proxy}`],
    `http://127.0.0.1:${proxy}/healthz`,
  );
  process.stdout.write(
    `${name}: ${megabytes(sizeOf(app))} beside the base image, ${megabytes(sizeOf(join(app, 'node_modules')))} of it packages, ` +
      `${megabytes(sizeOf(join(app, 'node_modules/onnxruntime-node')))} of those ONNX Runtime; ` +
      `serve healthy after ${(served.readyMs / 1000).toFixed(1)} s, exit code ${served.code}; ` +
      `proxy after ${(proxied.readyMs / 1000).toFixed(1)} s, exit code ${proxied.code}\n`,
  );
  if (served.code !== 0 || proxied.code !== 0) process.exitCode = 1;
}
if (process.argv.includes('--compile')) {
  process.stderr.write('docker/compile.Dockerfile\n');
  const image = build(join(root, 'docker/compile.Dockerfile'), join(work, 'checkout'), {
    TORCH_INDEX: process.env.TORCH_INDEX ?? '',
  });
  compileIn(image);
  process.stdout.write(`docker/compile.Dockerfile: ${megabytes(sizeOf(image.root))} beside the base image\n`);
}
process.stdout.write(`node:24 itself: ${megabytes(sizeOf(process.execPath))} (the program)\n`);
