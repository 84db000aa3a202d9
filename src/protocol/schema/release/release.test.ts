import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConchError } from '../../../base/index.ts';
import { protoText, pythonModule } from '../fixtures/releases.ts';
import { type OwnSchema, schemas } from '../schemas.ts';
import { readRelease } from './release.ts';

const [config, grpc, health] = schemas as [OwnSchema, OwnSchema, OwnSchema];
const small = 'syntax = "proto3"; package inference; message ModelConfig { string name = 1; }';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conch-release-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(files: Record<string, string | Uint8Array>): Promise<string> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

/** The error of reading, with the temporary folder's name taken out of its message. */
async function refusal(...sources: string[]): Promise<{ code: string; message: string; fix: string | undefined }> {
  const error = await readRelease(sources).then(
    () => expect.fail('nothing was refused'),
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(ConchError);
  return { code: error.code, message: error.message.replaceAll(folder, '.'), fix: error.fix };
}

async function serve<T>(listener: RequestListener, use: (url: string) => Promise<T>): Promise<T> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe('a folder', () => {
  test('is searched for .proto files and generated modules; other packages and shims are passed over', async () => {
    await write({
      'protobuf/model_config.proto': protoText(config),
      'protobuf/other.proto': 'syntax = "proto3";\npackage caffe2;\nthis is not even one\n',
      'protobuf/.hidden/model_config.proto': 'broken',
      'node_modules/x/x.proto': 'broken',
      'tritonclient/grpc/service_pb2.py': pythonModule(grpc),
      'tritonclient/grpc/service_pb2_grpc.py': 'AddSerializedFile(broken',
      'tritongrpcclient/grpc_service_pb2.py': 'from tritonclient.grpc.service_pb2 import *\n',
    });
    await symlink('nowhere', join(folder, 'dangling.proto'));
    await symlink(folder, join(folder, 'again'));
    const release = await readRelease([folder]);
    expect([...release.schemas.keys()]).toEqual(['model_config', 'grpc_service']);
    expect(release.sources.map((source) => source.replace(folder, ''))).toEqual([
      '/protobuf/model_config.proto',
      '/tritonclient/grpc/service_pb2.py',
    ]);
  });

  test('several sources make one release', async () => {
    await write({ 'a.proto': protoText(config), 'b/service_pb2.py': pythonModule(grpc), 'c.proto': protoText(health) });
    const release = await readRelease([join(folder, 'a.proto'), join(folder, 'b'), join(folder, 'c.proto')]);
    expect([...release.schemas.keys()]).toEqual(['model_config', 'grpc_service', 'health']);
  });

  test('types that move to a third file stay with the table that knows them, new ones go where they are used', async () => {
    await write({
      'model_config.proto': `${small.slice(0, -1)} Quota quota = 2; ModelRateLimiter limiter = 3; }`,
      'grpc_service.proto': 'package inference; service GRPCInferenceService { rpc Tokens (Tokens) returns (Tokens); }',
      'shared.proto':
        'syntax = "proto3"; package inference; message Quota { Unit unit = 1; } enum Unit { US = 0; }\n' +
        'message ModelRateLimiter {} message StatisticDuration {} message Tokens { string text = 1; }',
    });
    const { schemas: read } = await readRelease([folder]);
    expect([...read.get('model_config')!.messages.keys()].sort()).toEqual(['ModelConfig', 'ModelRateLimiter', 'Quota']);
    expect([...read.get('model_config')!.enums.keys()]).toEqual(['Unit']);
    expect([...read.get('grpc_service')!.messages.keys()].sort()).toEqual(['StatisticDuration', 'Tokens']);
    expect([...read.get('grpc_service')!.services.keys()]).toEqual(['GRPCInferenceService']);
  });

  test('types are found in the nearest scope, as protobuf does', async () => {
    await write({
      'x.proto':
        'syntax = "proto3"; package inference; message A {} message ModelConfig { message A { message B {} }\n' +
        'A inner = 1; .inference.A outer = 2; A.B deep = 3; google.protobuf.Any any = 4; Unknown far = 5; map<string, A> m = 6; }',
    });
    const { schemas: read } = await readRelease([folder]);
    expect(
      read
        .get('model_config')!
        .messages.get('ModelConfig')!
        .map((field) => field.type),
    ).toEqual(['ModelConfig.A', 'A', 'ModelConfig.A.B', 'google.protobuf.Any', 'Unknown', 'ModelConfig.A']);
  });

  test('names that JavaScript objects have are names like others', async () => {
    await write({
      'x.proto': `${small} message constructor { string toString = 1; } enum valueOf { hasOwnProperty = 0; }`,
    });
    const { schemas: read } = await readRelease([folder]);
    expect(read.get('model_config')!.messages.get('constructor')).toMatchObject([{ name: 'toString' }]);
    expect(read.get('model_config')!.enums.get('valueOf')).toEqual(new Map([['hasOwnProperty', 0]]));
  });
});

describe('what is not a release is refused', () => {
  test('no such path', async () => {
    expect(await refusal('/nowhere/protobuf')).toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: 'no file or folder at /nowhere/protobuf',
      fix: expect.stringContaining('npm run fetch:tritonclient'),
    });
  });

  test('an empty folder', async () => {
    expect(await refusal(folder)).toEqual({
      code: 'FILE_INVALID',
      message: '.: the folder holds no .proto file and no *_pb2.py',
      fix: 'name the files of a Triton release: its .proto folder, or an unpacked tritonclient',
    });
  });

  test.each([
    ['no messages', ''],
    ['only comments', '// nothing here\n'],
    ['another package', 'syntax = "proto3"; package other; message ModelConfig {}'],
    ['the package alone', 'syntax = "proto3"; package inference; message Else {}'],
  ])('a file with %s', async (_title, text) => {
    await write({ 'x.proto': text });
    expect(await refusal(join(folder, 'x.proto'))).toMatchObject({
      code: 'FILE_INVALID',
      message:
        './x.proto: no file declares the message inference.ModelConfig, ' +
        'the service inference.GRPCInferenceService or grpc.health.v1.Health',
    });
  });

  test('a pipe in place of a file', async () => {
    execFileSync('mkfifo', [join(folder, 'x.proto')]);
    expect(await refusal(join(folder, 'x.proto'))).toMatchObject({
      message: './x.proto: is neither a file nor a folder',
    });
    expect(await refusal(folder)).toMatchObject({ message: '.: the folder holds no .proto file and no *_pb2.py' });
  });

  test('a wheel that was not unpacked', async () => {
    await write({ 'tritonclient.whl': 'PK\u0003\u0004rest' });
    expect(await refusal(join(folder, 'tritonclient.whl'))).toMatchObject({
      message: './tritonclient.whl: is an archive: unpack it (python3 -m zipfile -e FILE FOLDER) and name the folder',
    });
  });

  test('two files that contradict one another', async () => {
    await write({ 'a.proto': small, 'b.proto': small.replace('string', 'int32'), 'c.proto': small });
    expect(await refusal(folder)).toMatchObject({
      message: './b.proto: declares inference.ModelConfig otherwise than ./a.proto',
    });
    const same = await readRelease([join(folder, 'a.proto'), join(folder, 'c.proto')]);
    expect(same.schemas.get('model_config')!.messages.size).toBe(1);
  });

  test('more than a megabyte, and more declarations than a schema has', async () => {
    await write({ 'big.proto': ' '.repeat(1024 * 1024 + 1), 'many.proto': `${small} ${'message A{}'.repeat(4001)}` });
    expect(await refusal(join(folder, 'big.proto'))).toMatchObject({
      message: './big.proto: is larger than 1048576 bytes',
    });
    expect(await refusal(join(folder, 'many.proto'))).toMatchObject({
      message: './many.proto: has more than 4000 declarations',
    });
  });
});

describe('a broken .proto file is refused with its line', () => {
  test.each([
    [
      'syntax = "proto3";\npackage inference;\nmessage A {\n  strin g name = 1;\n}\n',
      ":4: not a .proto file: illegal token 'name', '=' expected",
    ],
    ['syntax = "proto3"; message A {\n  string x = 1;\n', ":3: not a .proto file: illegal end of input 'null'"],
    ['syntax = "proto3"; message A { string x = y; }', ":1: not a .proto file: illegal id 'y'"],
    ['syntax = "proto3"; message A {\nstring x = 1; string y = 1; }', ': not a .proto file: duplicate id 1 in Type A'],
    ['/* never closed', ':1: not a .proto file: illegal comment'],
    ['\n\u0000\u001b[2J', ":2: not a .proto file: illegal token '??'"],
    [`syntax = "proto3"; message A { string x = 0; }`, ': numbers the field A.x 0, expected 1 to 536870911'],
    [`package ${'a.'.repeat(100_000)}a; message A {}`, ': not a .proto file: max depth exceeded'],
    [`${'message A {'.repeat(3000)}`, ': not a .proto file: max depth exceeded'],
    [`syntax = "proto3"; message A { ${'a.'.repeat(600)}b x = 1; }`, ': names a type of 1201 letters'],
    [`message ${'a'.repeat(300)} {}`, `: declares the name "${'a'.repeat(60)}", which is no identifier`],
  ])('%#', async (text, problem) => {
    await write({ 'x.proto': text });
    expect((await refusal(join(folder, 'x.proto'))).message).toBe(`./x.proto${problem}`);
  });
});

describe('an address', () => {
  const options = { timeoutMs: 20_000 };

  test('of a .proto file, or of a generated module, is read', async () => {
    await serve(
      (request, response) => response.end(request.url === '/x.py?raw' ? pythonModule(grpc) : protoText(config)),
      async (url) => {
        const release = await readRelease([`${url}/model_config.proto`, `${url}/x.py?raw`], options);
        expect([...release.schemas.keys()]).toEqual(['model_config', 'grpc_service']);
        expect(release.sources).toEqual([`${url}/model_config.proto`, `${url}/x.py?raw`]);
      },
    );
  });

  test('that answers with an error, a page or without end is refused', async () => {
    await serve(
      (request, response) => {
        if (request.url === '/missing') response.writeHead(404).end('none');
        else if (request.url === '/page') response.end('\n<!DOCTYPE html><html></html>');
        else {
          const more = () => {
            while (response.write(' '.repeat(65536)));
            response.once('drain', more);
          };
          more();
        }
      },
      async (url) => {
        expect(await refusal(`${url}/missing`)).toMatchObject({
          code: 'SERVER_ERROR',
          message: `${url}/missing answered 404 Not Found`,
        });
        expect(await refusal(`${url}/page`)).toMatchObject({
          code: 'FILE_INVALID',
          message: `${url}/page: answered with a page of HTML: take the address of the raw file`,
        });
        expect(await refusal(`${url}/endless`)).toMatchObject({
          message: `${url}/endless: is larger than 1048576 bytes`,
        });
      },
    );
  });

  test('that cannot be reached is refused, and says what to do offline', async () => {
    const url = await serve(
      () => {},
      async (open) => open,
    );
    expect(await refusal(`${url}/model_config.proto`)).toMatchObject({
      code: 'SERVER_UNREACHABLE',
      message: expect.stringMatching(/model_config\.proto could not be read: .*ECONNREFUSED/),
      fix: 'offline, name a file or folder instead, e.g. --against .conch/tritonclient',
    });
  });

  test('that does not answer is given up after the time limit, and at once when interrupted', async () => {
    await serve(
      () => {},
      async (url) => {
        await expect(readRelease([`${url}/x.proto`], { timeoutMs: 50 })).rejects.toThrow(
          `${url}/x.proto could not be read: no answer within 0.05 s`,
        );
        const interrupted = readRelease([`${url}/x.proto`], { signal: AbortSignal.abort() });
        await expect(interrupted).rejects.toThrow(/aborted/);
      },
    );
  });
});
