import { expect, test } from 'vitest';
import { run } from './run.ts';

async function conch(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await run(argv, {
    stdout: { write: (text: string) => out.push(text) },
    stderr: { write: (text: string) => err.push(text) },
    signal: new AbortController().signal,
  });
  return { code, out: out.join(''), err: err.join('') };
}

test('help lists every command and ends well', async () => {
  const { code, out } = await conch('--help');
  expect(code).toBe(0);
  for (const name of ['start', 'compile', 'check', 'serve', 'proxy', 'validate']) expect(out).toContain(`\n  ${name} `);
});

test.each(['start', 'compile', 'check', 'serve', 'proxy', 'validate'])('%s --help has an example', async (name) => {
  const { code, out } = await conch(name, '--help');
  expect(code).toBe(0);
  expect(out).toContain(`Example:\n  conch ${name}`);
});

test.each([
  [['complie'], "unknown command 'complie'\n(Did you mean compile?)"],
  [['serve', '--http-prt', '1'], "unknown option '--http-prt'\n(Did you mean --http-port?)"],
  [['serve', '--http-port', '70000'], "--http-port: expected a whole number from 0 to 65535, got '70000'"],
  [['validate'], "missing required argument 'model'"],
  [['validate', 'm', '--tolerance', '0'], "--tolerance: expected a number above 0, got '0'"],
  [['proxy', '--server', 'localhost'], "--server: expected an address like http://127.0.0.1:8000, got 'localhost'"],
  [['proxy', '--server', 'http://a', '--repository', 'b'], '--server and --repository exclude each other'],
  [['check', '/nowhere/models'], 'no model repository at /nowhere/models'],
  [['check', '--format', 'xml'], 'Allowed choices are text, json, sarif, github'],
  [['compile', '--file', '/nowhere/conch.config.ts'], 'no deployment file at /nowhere/conch.config.ts'],
  [['compile', 'simple_net', 'other', '--name', 'x'], '--name goes with one checkpoint'],
  [['compile', 'nonsense'], "the deployment has no model 'nonsense'; it has simple_net, finbert"],
])('conch %j cannot run and says why', async (argv, message) => {
  const { code, out, err } = await conch(...argv);
  expect(err).toContain(message);
  expect(code).toBe(2);
  expect(out).toBe('');
});

test('under --json an error is an object on standard output', async () => {
  const { code, out } = await conch('check', '/nowhere/models', '--json');
  expect(code).toBe(2);
  expect(JSON.parse(out).error).toMatchObject({
    code: 'FILE_NOT_FOUND',
    message: 'no model repository at /nowhere/models',
  });
});
