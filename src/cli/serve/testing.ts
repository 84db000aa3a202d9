import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeProgram } from '../../../test/node-program.ts';

/**
 * A program that answers like Triton on the port in `--http-port`: ready after it was asked twice, its flags are its
 * extensions. `--id=refuse` ends it before that, `--id=die` after its index was read; SIGTERM ends it well, but for
 * `--id=stubborn`.
 */
const triton = `
const argv = process.argv.slice(2);
const flag = (name) => argv.find((one) => one.startsWith('--' + name + '='))?.split('=')[1];
console.error('I1126 12:00:00 starting ' + argv.join(' '));
if (flag('id') === 'refuse') { console.error('E1126 12:00:01 failed to load net'); process.exit(1); }
let asked = 0;
const server = require('node:http').createServer((request, response) => {
  const send = (status, value) => response.writeHead(status, { 'content-type': 'application/json' }).end(value && JSON.stringify(value));
  if (request.url === '/v2/health/ready') return send(++asked > 2 ? 200 : 400);
  if (request.url === '/v2') return send(200, { name: flag('id') ?? 'triton', version: '2.71.0', extensions: argv });
  if (request.url === '/v2/repository/index') {
    send(200, [{ name: 'net', version: '1', state: 'READY' }]);
    if (flag('id') === 'die') setImmediate(() => process.exit(3));
    return;
  }
  send(404, { error: 'nothing here' });
}).listen(Number(flag('http-port')), '127.0.0.1');
const stop = () => { if (flag('id') !== 'stubborn') { console.error('I1126 12:00:02 stopped'); process.exit(0); } };
process.on('SIGTERM', stop).on('SIGINT', stop);
`;

/** Writes the program `tritonserver` into `dir`; its path. */
export async function writeFakeTriton(dir: string): Promise<string> {
  return writeProgram(dir, 'tritonserver', triton);
}

/**
 * A program docker with a daemon and Compose. `up` starts Triton's double on the port that the last file publishes, and
 * \`calls\` in \`dir\` gets a line for each call of Compose, with that file.
 */
const docker = (calls: string, tritonserver: string) => `
const { appendFileSync, readFileSync } = require('node:fs');
const argv = process.argv.slice(2);
if (argv[0] === 'version') console.log('28.5.1');
else if (argv[0] === 'info') console.log('{"ServerVersion":"28.5.1","Runtimes":{}}');
else if (argv[0] === 'compose' && argv[1] === 'version') console.log('2.40.3');
else if (argv[0] === 'compose') {
  const override = readFileSync(argv[argv.lastIndexOf('--file') + 1], 'utf8');
  appendFileSync(${JSON.stringify(calls)}, JSON.stringify({ argv, override }) + '\\n');
  if (argv.includes('up')) {
    const port = /127\\.0\\.0\\.1:(\\d+):8000/.exec(override)[1];
    process.on('SIGTERM', () => {});
    // The terminal's SIGINT reaches the container's program as well; Compose says 130 then.
    const child = require('node:child_process').spawn(process.execPath, [${JSON.stringify(tritonserver)}, '--http-port=' + port], { stdio: 'inherit' });
    process.on('SIGINT', () => {});
    child.on('exit', () => process.exit(130));
  }
} else process.exit(1);
`;

export async function writeFakeDocker(dir: string): Promise<{ calls: string }> {
  const calls = join(dir, 'calls.jsonl');
  await writeProgram(dir, 'docker', docker(calls, await writeFakeTriton(dir)));
  return { calls };
}

async function writeProgram(dir: string, name: string, text: string): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, nodeProgram(text));
  await chmod(path, 0o755);
  return path;
}
