import { existsSync, readFileSync } from 'node:fs';
import http, { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningServer } from '../../src/server/index.ts';
import { bundleWebClient } from './bundle.ts';
import { expected } from './expected.ts';
import { serveModels } from './models.ts';

// The client outside Node: the bundle imports nothing, and works in a real browser: Debian's chromium, or the one that
// CONCH_CHROMIUM names.
const executable = [process.env.CONCH_CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (path) => path !== undefined && existsSync(path),
);
const browser = executable === undefined ? describe.skip : describe;
const suite =
  executable === undefined ? 'in a browser (skipped: no chromium; apt-get install chromium)' : 'in a browser';

let code: string;
beforeAll(async () => {
  code = await bundleWebClient();
});

test('the bundle imports nothing, neither of Node nor of anybody else', () => {
  const imports = [...code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)(['"])([^'"]+)\1/g)].map(
    (match) => match[2],
  );
  expect(imports).toEqual([]);
  expect(code).not.toContain('node:');
  // Of Node's globals only Buffer, where there is one.
  expect(code.match(/\b(?:process|__dirname|__filename|global)\s*[.[]/g)).toBeNull();
  expect(code).toContain('typeof Buffer');
});

browser(suite, () => {
  let server: RunningServer;
  let page: Server;
  let stranger: Server;
  let chrome: Browser;
  /** Passes everything below /triton on to the server, as a gateway in front of it would. */
  const forward = (incoming: http.IncomingMessage, response: http.ServerResponse) => {
    const path = incoming.url!.replace(/^\/triton/, '');
    const onward = http.request(
      server.url + path,
      { method: incoming.method!, headers: incoming.headers },
      (answer) => {
        response.writeHead(answer.statusCode!, { ...answer.headers });
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.destroy());
    incoming.pipe(onward);
  };
  const listen = async (listener: http.RequestListener) => {
    const gateway = createServer(listener);
    await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
    return gateway;
  };
  const addressOf = (gateway: Server) => `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;

  beforeAll(async () => {
    server = await serveModels();
    const files: Record<string, [type: string, text: string]> = {
      '/': ['text/html', '<!doctype html><title>conch</title>'],
      '/client.js': ['text/javascript', code],
      '/exercise.js': ['text/javascript', readFileSync(join(import.meta.dirname, 'exercise.js'), 'utf8')],
    };
    page = await listen((incoming, response) => {
      const file = files[incoming.url!];
      if (file) response.writeHead(200, { 'Content-Type': file[0] }).end(file[1]);
      else if (incoming.url!.startsWith('/triton/')) forward(incoming, response);
      else response.writeHead(404).end();
    });
    // Allows other origins, but does not expose the header that says where the JSON ends.
    stranger = await listen((incoming, response) => {
      response.setHeader('Access-Control-Allow-Origin', '*');
      response.setHeader('Access-Control-Allow-Headers', '*');
      if (incoming.method === 'OPTIONS') response.writeHead(204).end();
      else forward(incoming, response);
    });
    chrome = await chromium.launch({ executablePath: executable!, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await chrome?.close();
    page?.close().closeAllConnections();
    stranger?.close().closeAllConnections();
    await server?.close();
  });

  test.each([
    ["through a path at the page's own server", () => '/triton'],
    ['at another origin that allows it', () => `${addressOf(stranger)}/triton`],
  ])('the client works %s', async (_, target) => {
    const tab = await chrome.newPage();
    await tab.goto(addressOf(page));
    // As text: Vite would rewrite the imports of a function.
    const seen = await tab.evaluate(
      `Promise.all([import('/exercise.js'), import('/client.js')]).then(([{ exercise }, client]) =>
        exercise(client, ${JSON.stringify(target())}))`,
    );
    expect(seen).toEqual(expected);
    await tab.close();
  });

  test('a server that does not allow the origin cannot be reached, and the fix says why', async () => {
    const tab = await chrome.newPage();
    await tab.goto(addressOf(page));
    const failure = await tab.evaluate(
      `import('/client.js').then(({ connect }) => connect(${JSON.stringify(server.url)}).isLive())
        .catch(({ code, fix }) => [code, fix])`,
    );
    expect(failure).toEqual(['SERVER_UNREACHABLE', expect.stringContaining('CORS')]);
    await tab.close();
  });
});
