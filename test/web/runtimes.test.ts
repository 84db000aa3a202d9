import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningServer } from '../../src/server/index.ts';
import { bundleWebClient } from './bundle.ts';
import { expected } from './expected.ts';
import { serveModels } from './models.ts';

// The client in Deno and Bun, which `npm run test:runtimes` installs before it sets CONCH_RUNTIMES.
const runtimes = process.env.CONCH_RUNTIMES;

describe.skipIf(runtimes === undefined)('outside Node and browsers', () => {
  let server: RunningServer;
  let folder: string;
  beforeAll(async () => {
    server = await serveModels();
    folder = mkdtempSync(join(tmpdir(), 'conch-runtimes-'));
    writeFileSync(join(folder, 'client.js'), await bundleWebClient());
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    copyFileSync(join(import.meta.dirname, 'exercise.js'), join(folder, 'exercise.js'));
    writeFileSync(
      join(folder, 'main.js'),
      `import * as client from './client.js';
       import { exercise } from './exercise.js';
       console.log(JSON.stringify(await exercise(client, ${JSON.stringify(server.url)})));`,
    );
  });
  afterAll(async () => {
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([
    ['deno', ['run', '--no-config', '--allow-net', 'main.js']],
    ['bun', ['run', 'main.js']],
  ])('the client works in %s', async (name, command) => {
    const child = spawn(resolve(runtimes!, 'node_modules/.bin', name), command, { cwd: folder });
    const streams = [child.stdout, child.stderr].map(async (stream) => {
      let text = '';
      for await (const chunk of stream) text += chunk;
      return text;
    });
    const [out, err] = await Promise.all(streams);
    expect(out, err).toMatch(/^\{/);
    expect(JSON.parse(out!)).toEqual(expected);
  });
});
