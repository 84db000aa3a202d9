import { resolve } from 'node:path';
import { createLogger } from '../base/index.ts';
import type { LoadedDeployment } from '../compile/index.ts';
import type { ProxyOptions, RunningProxy } from '../proxy/index.ts';
import type { RunningServer, ServerOptions } from '../server/index.ts';
import type { Command } from './command.ts';
import { printCompiled, relativePath } from './compile.ts';
import { fileOption, requireDeployment } from './deployment.ts';
import type { Output } from './output.ts';
import { aborted, logOption } from './serve.ts';
import { port } from './values.ts';

export const startCommand: Command = {
  name: 'start',
  summary: 'everything at once: compile, check, serve with the proxy in front, try and validate',
  options: [
    fileOption,
    { flags: '--once', summary: 'end after the validation instead of serving on' },
    { flags: '--http-port <port>', summary: 'port of the embedded server (default: 8000, or a free one)', parse: port },
    { flags: '--metrics-port <port>', summary: 'port of its metrics (default: 8002, or a free one)', parse: port },
    { flags: '--port <port>', summary: 'port of the proxy (default: 8080, or a free one)', parse: port },
    logOption,
  ],
  example: 'conch start --once',
  async action({ options, signal }, output) {
    const loaded = await requireDeployment(options.file);
    heading(output, 'Compile');
    const { compileDeployment } = await import('../compile/index.ts');
    const compiled = await compileDeployment(loaded, { progress: output.progress, signal });
    if (!output.json) printCompiled(compiled, output);

    heading(output, 'Check');
    const checked = await checkRepository(compiled.repository, compiled.target, output);
    if (checked.errors > 0) return 1;

    heading(output, 'Serve');
    const running = await serveBoth(compiled.repository, options);
    try {
      await running.proxy.whenReady(signal);
      if (!output.json) {
        output.print(`  server   ${running.server.url}/v2         Triton's protocol`);
        output.print(`  proxy    ${running.proxy.url}/docs       one route a model, documented`);
        output.print(`  metrics  http://127.0.0.1:${running.server.metricsPort}/metrics`);
      }
      const { sampleRequest, showSamples } = await import('./samples.ts');
      await showSamples(loaded, running.proxy.url, output, signal);
      heading(output, 'Validate');
      const reports = await validateAll(loaded, running.server.url, output);
      const passed = reports.every((report) => report.passed);
      if (output.json) {
        const urls = { server: running.server.url, proxy: running.proxy.url };
        output.printJson({ passed, urls, compiled, checked, validated: reports });
      }
      if (options.once === true || !passed) return passed ? 0 : 1;
      output.print(`\n${output.colors.bold('Try it')}`);
      output.print(`  ${await sampleRequest(loaded, running.proxy.url, signal)}`);
      output.print('\nServing until Ctrl-C.');
      await aborted(signal);
      output.note('stopping: finishing the requests under way');
      return 0;
    } finally {
      await running.proxy.close();
      await running.server.close();
    }
  },
};

async function checkRepository(root: string, targetName: string, output: Output) {
  const { check, formatText } = await import('../check/index.ts');
  const { findTarget } = await import('../onnx/index.ts');
  const { openRepository } = await import('../repository/index.ts');
  const repository = await openRepository(root, { inspect: true });
  const diagnostics = check(repository, findTarget(targetName));
  const count = (severity: string) => diagnostics.filter((diagnostic) => diagnostic.severity === severity).length;
  const [errors, warnings] = [count('error'), count('warning')];
  if (!output.json) {
    if (diagnostics.length > 0) output.print(formatText(diagnostics, repository, output.colors));
    else output.print(`  ${repository.models.length} models would load on ${targetName}: no findings`);
  }
  return { errors, warnings, diagnostics };
}

interface Running {
  readonly server: RunningServer;
  readonly proxy: RunningProxy;
}

async function serveBoth(repository: string, options: Readonly<Record<string, unknown>>): Promise<Running> {
  const [{ startServer }, { startProxy }] = await Promise.all([
    import('../server/index.ts'),
    import('../proxy/index.ts'),
  ]);
  const logger = createLogger(options.logLevel as never);
  // A port that was asked for must be had; a default one gives way to a free one, so that a first try never fails on it.
  const settings: ServerOptions = {
    repository,
    logger,
    httpPort: (options.httpPort as number | undefined) ?? (await freePort(8000)),
    metricsPort: (options.metricsPort as number | undefined) ?? (await freePort(8002)),
  };
  const server = await startServer(settings);
  try {
    const proxyPort = (options.port as number | undefined) ?? (await freePort(8080));
    const front: ProxyOptions = { server: server.url, port: proxyPort, logger, text: { repository } };
    return { server, proxy: await startProxy(front) };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** `wanted` if nothing listens there on the loopback address, else 0, which means any free port. */
async function freePort(wanted: number): Promise<number> {
  const { createServer } = await import('node:net');
  const probe = createServer();
  return new Promise((done) => {
    probe.once('error', () => done(0));
    probe.listen(wanted, '127.0.0.1', () => probe.close(() => done(wanted)));
  });
}

async function validateAll(loaded: LoadedDeployment, url: string, output: Output) {
  const [{ connect }, { validate, formatReport }] = await Promise.all([
    import('../client/index.ts'),
    import('../measure/index.ts'),
  ]);
  const client = connect(url);
  const reports = [];
  try {
    for (const [model, { expect, tolerance }] of Object.entries(loaded.deployment.models)) {
      if (expect === undefined) continue;
      const file = relativePath(resolve(loaded.baseDir, expect));
      const report = await validate({
        client,
        model,
        expect: file,
        progress: output.progress,
        ...(tolerance !== undefined && { tolerance }),
      });
      reports.push(report);
      if (!output.json) output.print(formatReport(report));
    }
  } finally {
    await client.close();
  }
  if (reports.length === 0) output.note('nothing to validate: no model has `expect`');
  return reports;
}

function heading(output: Output, text: string): void {
  if (!output.json) output.print(`\n${output.colors.bold(text)}`);
}
