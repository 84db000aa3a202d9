import { expect, test } from 'vitest';
import { commands } from './commands.ts';
import { conch } from './testing.ts';

test('help lists every command and ends well', async () => {
  const { code, out } = await conch('--help');
  expect(code).toBe(0);
  for (const { name } of commands) expect(out).toMatch(new RegExp(`\\n  ${name} `));
});

const words = commands.flatMap((command) =>
  'commands' in command
    ? command.commands.map((inner) => [command.name, inner.name])
    : [[command.name], ...(command.subcommands ?? []).map((inner) => [command.name, inner.name])],
);

test.each(words)('%s %s --help has an example', async (...path) => {
  const { code, out } = await conch(...path.filter((word) => word !== undefined), '--help');
  expect(code).toBe(0);
  expect(out).toContain(`Example:\n  conch ${path.join(' ').trim()}`);
});

test('a group of commands lists them; without one of them it cannot run', async () => {
  const { code, out } = await conch('protocol', '--help');
  expect(code).toBe(0);
  expect(out).toMatch(/Usage: conch protocol[\s\S]*\n {2}diff [\s\S]*\n {2}sync /);
  const without = await conch('protocol');
  expect([without.code, without.out]).toEqual([2, '']);
  expect(without.err).toContain('Usage: conch protocol');
});

test.each([
  [['complie'], "unknown command 'complie'\n(Did you mean compile?)"],
  [['protocol', 'dif'], "unknown command 'dif'\n(Did you mean diff?)"],
  [['protocol', 'diff'], '--against is missing: it names the Triton release to compare with'],
  [['protocol', 'diff', '--against', '/nowhere/protobuf'], 'no file or folder at /nowhere/protobuf'],
  [['nonsense', '--help'], "unknown command 'nonsense'"],
  [['serve', '--http-prt', '1'], "unknown option '--http-prt'\n(Did you mean --http-port?)"],
  [['serve', '--http-port', '70000'], "--http-port: expected a whole number from 0 to 65535, got '70000'"],
  [['validate'], "missing required argument 'model'"],
  [['validate', 'm', '--tolerance', '0'], "--tolerance: expected a number above 0, got '0'"],
  [['proxy', '--server', 'localhost'], "--server: expected an address like http://127.0.0.1:8000, got 'localhost'"],
  [['proxy', '--tokenizer', 'a'], "--tokenizer: expected <model>=<folder>, got 'a'"],
  [['check', '/nowhere/models'], 'no model repository at /nowhere/models'],
  [['check', '--format', 'xml'], 'Allowed choices are text, json, sarif, github'],
  [['compile', '--file', '/nowhere/conch.config.ts'], 'no deployment file at /nowhere/conch.config.ts'],
  [['compile', 'simple_net', 'other', '--name', 'x'], '--name goes with one source'],
  [['compile', './net.py'], './net.py: a PyTorch module does not tell what forward takes'],
  [['compile', './net.py', '--input', 'x:FP99:4'], "models.net.inputs.0.datatype: 'FP99' is no element type"],
  [['compile', './net.py:Net', '--input', 'x:FP32:4'], 'models.net.module: no file at'],
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
