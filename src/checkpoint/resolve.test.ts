import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Progress, silentProgress } from '../base/index.ts';
import { openCheckpoint, type ResolveOptions, resolveCheckpoint } from './index.ts';
import { dictionary, stream, tensor } from './pytorch/testing/pickles.ts';

const commit = 'a'.repeat(40);

/** The endpoints of the hub that @huggingface/hub calls, for one repository. */
class FakeHub {
  readonly files = new Map<string, Buffer>();
  readonly requests: string[] = [];
  readonly authorizations = new Set<string | undefined>();
  revisions = ['main', 'refs/pr/3', commit];
  /** Answers before the rest; true means that it did. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  /** What the listing says of a file's hash, when not the truth. */
  readonly lies = new Map<string, string>();
  readonly #server: Server = createServer((request, response) => this.#answer(request, response));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): Promise<unknown> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): unknown {
    const path = decodeURIComponent(request.url!.split('?')[0]!);
    this.requests.push(path);
    this.authorizations.add(request.headers.authorization);
    if (this.intercept(request, response)) return undefined;
    const json = (value: unknown, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    const info = path.match(/^\/api\/models\/org\/model\/revision\/(.+)$/);
    if (info && this.revisions.includes(info[1]!))
      return json({ _id: '1', id: 'org/model', sha: commit, lastModified: 0 });
    if (path === `/api/models/org/model/tree/${commit}`)
      return json([...this.files].map((file) => this.#entry(...file)));
    const file = path.match(new RegExp(`^/org/model/resolve/${commit}/(.+)$`));
    const content = file && this.files.get(file[1]!);
    if (!content) return json({ error: 'Repository not found' }, 404);
    const [first, last] = request.headers.range?.match(/\d+/g)?.map(Number) ?? [0, content.length - 1];
    response.writeHead(request.headers.range ? 206 : 200, {
      etag: '"x"',
      'content-range': `bytes ${first}-${last}/${content.length}`,
    });
    return response.end(content.subarray(first, last! + 1));
  }

  #entry(path: string, content: Buffer): object {
    const large = path.endsWith('.safetensors');
    const oid = createHash(large ? 'sha256' : 'sha1')
      .update(content)
      .digest('hex');
    const lfs = { oid: this.lies.get(path) ?? oid, size: content.length, pointerSize: 130 };
    return { type: 'file', path, size: content.length, oid: large ? 'b'.repeat(40) : oid, ...(large && { lfs }) };
  }
}

let hub: FakeHub;
let endpoint: string;
let dir: string;
beforeEach(async () => {
  vi.stubEnv('HF_TOKEN', '');
  vi.stubEnv('HF_HUB_OFFLINE', '');
  dir = await mkdtemp(join(tmpdir(), 'conch-hub-'));
  hub = new FakeHub();
  endpoint = await hub.start();
  put('config.json', '{"model_type":"bert","architectures":["BertModel"]}');
  put('model.safetensors', safetensors('w'));
  put('vocab.txt', 'a\nb\n');
  put('README.md', 'much text');
  put('1_Pooling/config.json', '{}');
  put('onnx/model.onnx', 'not wanted');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.stop();
  await rm(dir, { recursive: true, force: true });
});

function put(name: string, content: string | Buffer): void {
  hub.files.set(name, Buffer.from(content as string));
}

function safetensors(name: string): Buffer {
  const header = Buffer.from(JSON.stringify({ [name]: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([size, header, Buffer.alloc(4)]);
}

const cacheDir = () => join(dir, 'cache');
const resolve = (options: Partial<ResolveOptions> = {}, source = 'org/model') =>
  resolveCheckpoint(source, { cacheDir: cacheDir(), progress: silentProgress, endpoint, ...options });
const storage = (...parts: string[]) => join(cacheDir(), 'models--org--model', ...parts);

test('a folder is itself, seen from the base folder', async () => {
  await mkdir(join(dir, 'org/model'), { recursive: true });
  expect(await resolve({ baseDir: dir })).toEqual({ dir: join(dir, 'org/model'), source: 'org/model' });
  expect(await resolve({}, join(dir, 'org'))).toEqual({ dir: join(dir, 'org'), source: join(dir, 'org') });
  expect(hub.requests).toEqual([]);
});

test('a hub id is fetched once: only what is needed, into the cache of Hugging Face, with progress', async () => {
  const seen: (number | undefined)[] = [];
  const ended: (string | undefined)[] = [];
  const progress: Progress = {
    start: (title) => {
      ended.push(title);
      return { update: (fraction) => seen.push(fraction), done: (detail) => ended.push(detail), fail() {} };
    },
  };
  const resolved = await resolve({ progress, token: 'hf_abcdefghij' });
  expect(resolved).toEqual({ dir: storage('snapshots', commit), source: 'org/model', revision: commit });
  expect((await readdir(resolved.dir)).sort()).toEqual(['1_Pooling', 'config.json', 'model.safetensors', 'vocab.txt']);
  expect(await readFile(join(resolved.dir, 'vocab.txt'), 'utf8')).toBe('a\nb\n');
  expect((await lstat(join(resolved.dir, 'vocab.txt'))).isSymbolicLink()).toBe(true);
  expect(await readFile(storage('refs/main'), 'utf8')).toBe(commit);
  expect((await readdir(storage('blobs'))).length).toBe(4);
  expect(seen.at(-1)).toBe(1);
  expect(ended).toEqual(['org/model: download', commit.slice(0, 12)]);
  expect([...hub.authorizations]).toEqual(['Bearer hf_abcdefghij']);
  expect((await openCheckpoint(resolved.dir)).tensors.has('w')).toBe(true);

  hub.requests.length = 0;
  expect(await resolve({}, 'https://huggingface.co/org/model/')).toEqual(resolved);
  expect(hub.requests.filter((path) => path.includes('/resolve/'))).toEqual([]);
});

test('shards, another revision, HF_ENDPOINT and HF_TOKEN', async () => {
  hub.files.delete('model.safetensors');
  put('model-1.safetensors', safetensors('a'));
  put('model-2.safetensors', safetensors('b'));
  put('model.safetensors.index.json', '{"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}}');
  vi.stubEnv('HF_ENDPOINT', `${endpoint}/`);
  vi.stubEnv('HF_TOKEN', 'hf_fromenvironment');
  const options = { cacheDir: cacheDir(), progress: silentProgress, revision: 'refs/pr/3' };
  const resolved = await resolveCheckpoint('org/model', options);
  expect([...(await openCheckpoint(resolved.dir)).tensors.keys()]).toEqual(['a', 'b']);
  expect(hub.requests[0]).toBe('/api/models/org/model/revision/refs/pr/3');
  expect(await readFile(storage('refs/refs/pr/3'), 'utf8')).toBe(commit);
  expect([...hub.authorizations]).toEqual(['Bearer hf_fromenvironment']);
  await hub.stop();
  expect(await resolve({ revision: 'refs/pr/3' })).toEqual(resolved);
});

test('when the hub is out of reach the cached copy serves, or the error says what to do', async () => {
  const resolved = await resolve();
  await hub.stop();
  const done: (string | undefined)[] = [];
  const progress: Progress = { start: () => ({ update() {}, done: (detail) => done.push(detail), fail() {} }) };
  expect(await resolve({ progress })).toEqual(resolved);
  expect(done[0]).toMatch(/^fetch failed.*; using the cached copy$/);
  expect(await resolve({ revision: commit })).toEqual(resolved);

  const error = await resolve({ cacheDir: join(dir, 'other') }).catch((thrown) => thrown);
  expect(error).toMatchObject({ code: 'HUB_UNREACHABLE' });
  expect(error.message).toContain(`org/model (revision main) is neither a folder (`);
  expect(error.message).toContain(`nor in the cache, and ${endpoint} cannot be asked: fetch failed (`);
  expect(error.fix).toContain('download the repository where there is a network');
  expect(error.fix).toContain('set HF_ENDPOINT to a mirror');
});

test('offline mode asks nobody', async () => {
  await expect(resolve({ offline: true })).rejects.toMatchObject({
    code: 'HUB_UNREACHABLE',
    message: expect.stringContaining('cannot be asked: offline mode is on'),
  });
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  await expect(resolve()).rejects.toMatchObject({ code: 'HUB_UNREACHABLE' });
  expect(hub.requests).toEqual([]);
  vi.stubEnv('HF_HUB_OFFLINE', '0');
  const resolved = await resolve();
  expect(await resolve({ offline: true })).toEqual(resolved);
});

test('half a copy in the cache is none', async () => {
  await resolve();
  await rm(storage('snapshots', commit, 'model.safetensors'));
  await expect(resolve({ offline: true })).rejects.toMatchObject({ code: 'HUB_UNREACHABLE' });
  await writeFile(storage('snapshots', commit, 'model.safetensors.index.json'), '{"weight_map":{"a":"a.safetensors"}}');
  await expect(resolve({ offline: true })).rejects.toMatchObject({ code: 'HUB_UNREACHABLE' });
});

const answer = (status: number) => (_: IncomingMessage, response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end('{"error":"no"}');
  return true;
};

test.each([
  [
    401,
    'the hub answers 401 for org/model (revision main): there is no such repository, or it is private or gated',
    'set HF_TOKEN',
  ],
  [
    403,
    'the hub answers 403 for org/model (revision main): there is no such repository, or it is private or gated',
    'set HF_TOKEN',
  ],
  [404, 'the hub answers 404 for org/model (revision main): no such repository or revision', 'check name and revision'],
])('the hub answers %i', async (status, message, fix) => {
  hub.intercept = answer(status);
  const error = await resolve().catch((thrown) => thrown);
  expect(error).toMatchObject({ code: 'HUB_NOT_FOUND', message });
  expect(error.fix).toContain(fix);
});

test('a hub that fails or never answers is out of reach', async () => {
  hub.intercept = answer(503);
  await expect(resolve()).rejects.toMatchObject({ code: 'HUB_UNREACHABLE' });
  hub.intercept = () => true;
  await expect(resolve({ timeoutMs: 20 })).rejects.toThrow('no answer within 20 ms');
});

test('a download that stands still or breaks leaves nothing half', async () => {
  const whole = hub.files.get('model.safetensors')!;
  const cut = (end: (response: ServerResponse) => void) => (request: IncomingMessage, response: ServerResponse) => {
    if (!request.url!.endsWith('model.safetensors') || request.headers.range) return false;
    response.writeHead(200, { 'content-length': whole.length });
    response.write(whole.subarray(0, 10), () => end(response));
    return true;
  };
  hub.intercept = cut(() => {});
  await expect(resolve({ timeoutMs: 50 })).rejects.toThrow('model.safetensors stood still for 50 ms');
  hub.intercept = cut((response) => response.destroy());
  await expect(resolve()).rejects.toMatchObject({ code: 'HUB_UNREACHABLE' });
  expect((await readdir(storage('blobs'))).filter((name) => name.includes('incomplete'))).toEqual([]);
  hub.intercept = () => false;
  expect((await openCheckpoint((await resolve()).dir)).tensors.has('w')).toBe(true);
});

test('content that is not what was listed is refused', async () => {
  hub.lies.set('model.safetensors', 'c'.repeat(64));
  await expect(resolve()).rejects.toThrow(
    `model.safetensors arrived with another hash where the hub announced ${'c'.repeat(64)}`,
  );
  expect(await readdir(storage('blobs'))).not.toContain('c'.repeat(64));
  hub.lies.set('model.safetensors', '../../../escape');
  await expect(resolve()).rejects.toThrow("the hub gave model.safetensors the hash '../../../escape'");
});

test('repositories without what is needed', async () => {
  hub.files.delete('model.safetensors');
  put('tf_model.h5', 'x');
  const other = await resolve().catch((thrown) => thrown);
  expect(other).toMatchObject({ code: 'CHECKPOINT_UNSUPPORTED' });
  expect(other.message).toContain('org/model (revision main) has its weights in tf_model.h5; safetensors and');
  expect(other.fix).toContain('refs/pr/1');
  hub.files.delete('tf_model.h5');
  await expect(resolve()).rejects.toThrow('org/model (revision main) has neither model.safetensors nor');
  put('model.safetensors.index.json', '{"weight_map":{"a":"a.safetensors"}}');
  await expect(resolve()).rejects.toThrow('org/model (revision main) has no a.safetensors on the hub');
  put('model.safetensors.index.json', '{"weight_map":{"a":"../a.safetensors"}}');
  await rm(cacheDir(), { recursive: true });
  await expect(resolve()).rejects.toThrow(
    "'../a.safetensors' is not the name of a .safetensors file in the same folder",
  );
  hub.files.delete('config.json');
  await expect(resolve()).rejects.toThrow('org/model (revision main) has no config.json on the hub');
});

test('PyTorch weights are fetched where there are no others', async () => {
  const weights = stream(dictionary({ w: tensor() }));
  put('pytorch_model.bin', weights);
  await resolve();
  expect(hub.requests.some((path) => path.endsWith('.bin'))).toBe(false);
  await rm(cacheDir(), { recursive: true });
  hub.files.delete('model.safetensors');
  const fetched = await openCheckpoint((await resolve()).dir);
  expect(fetched.files).toEqual(['config.json', 'pytorch_model.bin']);
  expect(fetched.tensors.has('w')).toBe(true);
  await hub.stop();
  expect((await resolve()).dir).toBe(fetched.dir);
});

test('PyTorch weights in shards are fetched by their index', async () => {
  hub.files.delete('model.safetensors');
  put('pytorch_model.bin.index.json', JSON.stringify({ weight_map: { w: 'pytorch_model-00001-of-00001.bin' } }));
  await expect(resolve()).rejects.toThrow('has no pytorch_model-00001-of-00001.bin on the hub');
  put('pytorch_model-00001-of-00001.bin', stream(dictionary({ w: tensor() })));
  const { dir: fetched } = await resolve();
  expect((await openCheckpoint(fetched)).tensors.has('w')).toBe(true);
  await hub.stop();
  expect((await resolve()).dir).toBe(fetched);
});

test('a cache that cannot be written', async () => {
  await writeFile(cacheDir(), 'a file');
  const error = await resolve().catch((thrown) => thrown);
  expect(error).toMatchObject({ code: 'FILE_INVALID', where: { file: cacheDir() } });
  expect(error.message).toContain(`org/model cannot be stored in the cache ${cacheDir()}: ENOTDIR`);
});

test.each(['./none', '../none', '/none/at/all', 'a/b/c', 'org/..', '', 'models--a/b', '~/none'])(
  "'%s' is neither a folder nor a name on the hub",
  async (source) => {
    const error = await resolve({ baseDir: source ? join(dir, 'void') : dir }, source).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'FILE_NOT_FOUND' });
    expect(error.message).toMatch(/^the checkpoint folder \/.* does not exist$/);
    expect(hub.requests).toEqual([]);
  },
);

test('what cannot be asked for', async () => {
  await writeFile(join(dir, 'model.bin'), '');
  await expect(resolve({ baseDir: dir }, 'model.bin')).rejects.toThrow(
    'is a file; a checkpoint is a folder with config.json',
  );
  await expect(resolve({ revision: '../main' })).rejects.toThrow("'../main' is not the name of a revision");
  await expect(resolve({ token: 'secret' })).rejects.toThrow('the hub token does not start with hf_');
});
