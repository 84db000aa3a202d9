import type { Command, CommandInput } from './command.ts';
import { requireRepository } from './deployment.ts';
import { accessFrom, accessOptions } from './serve/access.ts';
import { grpcFrom, grpcOptions } from './serve/grpc.ts';
import { httpFrom, httpOptions } from './serve/http.ts';
import { modelOptions, modelsFrom } from './serve/models.ts';
import { observationFrom, observationOptions } from './serve/observation.ts';
import { schedulingFrom, schedulingOptions } from './serve/scheduling.ts';
import { engineOptions, requireEngine, serveTriton } from './serve/triton.ts';
import { port, positiveInteger, unsignedInteger } from './values.ts';

export { logOption } from './serve/observation.ts';

export const serveCommand: Command = {
  name: 'serve',
  summary: "serve a model repository over Triton's protocols, without Triton, Docker or a GPU; or start Triton itself",
  arguments: [{ usage: '[dir]', summary: "the model repository (default: the deployment's, else models)" }],
  options: [
    { flags: '--http-port <port>', summary: 'inference and health', parse: port, default: 8000 },
    ...grpcOptions.slice(0, 1),
    { flags: '--metrics-port <port>', summary: 'Prometheus metrics', parse: port, default: 8002 },
    { flags: '--http-address <host>', summary: 'address to listen on', default: '127.0.0.1' },
    {
      flags: '--cache-directory <dir>',
      summary: "where weights that instances share are kept (default: the platform's cache folder)",
    },
    {
      flags: '--http-max-input-size <bytes>',
      summary: 'largest JSON or decompressed body (default: 64 MiB)',
      parse: positiveInteger,
    },
    { flags: '--id <name>', summary: "the server's name in its metadata", default: 'triton' },
    { flags: '--threads <n>', summary: 'threads of the ONNX runtime for each instance', parse: positiveInteger },
    {
      flags: '--exit-timeout-secs <s>',
      summary: 'how long stopping waits for requests under way (default: 30)',
      parse: unsignedInteger,
    },
    ...grpcOptions.slice(1),
    ...httpOptions,
    ...modelOptions,
    ...schedulingOptions,
    ...accessOptions,
    ...observationOptions,
    ...engineOptions,
  ],
  example: 'conch serve models --http-port 8000',
  async action(input, output) {
    requireEngine(input.options);
    if (input.options.engine === 'triton') return serveTriton(input, serveCommand.options!, output);
    const {
      arguments: [dir],
      options,
      signal,
    } = input;
    const settings = {
      host: options.httpAddress as string,
      httpPort: options.httpPort as number,
      id: options.id as string,
      ...modelsFrom(options),
      ...schedulingFrom(options),
      ...httpFrom(options),
      ...(await grpcFrom(options)),
      ...(await accessFrom(options)),
      ...observationFrom(options),
      ...(options.httpMaxInputSize !== undefined && { httpMaxInputSize: options.httpMaxInputSize as number }),
      ...(options.exitTimeoutSecs !== undefined && { exitTimeoutSecs: options.exitTimeoutSecs as number }),
      ...(options.cacheDirectory !== undefined && { cacheDirectory: options.cacheDirectory as string }),
      ...(options.threads !== undefined && { threads: options.threads as number }),
    };
    const repository = await repositoriesOf(dir, options.modelRepository as readonly string[] | undefined);
    const { startServer } = await import('../server/index.ts');
    const server = await startServer({ repository, signal, ...settings });
    const models = server.engine.index();
    if (output.json) {
      output.printJson({ url: server.url, grpcPort: server.grpcPort, metricsPort: server.metricsPort, models });
    } else {
      const { modelsTable } = await import('./serve/models-table.ts');
      if (models.length > 0) output.print(modelsTable(models));
      const ready = [...new Set(models.flatMap(({ name, state }) => (state === 'READY' ? [name] : [])))];
      output.print(`serving ${ready.join(', ') || 'no model yet'} at ${server.url}`);
      const grpc = server.grpcPort === undefined ? '' : `gRPC on port ${server.grpcPort}; `;
      const at = `${settings.metricsAddress ?? settings.host}:${server.metricsPort}`;
      const metrics = server.metricsPort === undefined ? '' : `metrics at http://${at}/metrics; `;
      output.print(`${grpc}${metrics}Ctrl-C stops`);
    }
    await aborted(signal);
    output.note('stopping: finishing the requests under way');
    if (await server.close()) return 0;
    output.note('not everything was finished in time; what was left has been broken off');
    // What does not end must not keep the process.
    setTimeout(() => process.exit(1), 1000).unref();
    return 1;
  },
};

/** The folders to serve: the argument and those of --model-repository, or, with neither, the usual one. */
async function repositoriesOf(dir: unknown, more: readonly string[] = []): Promise<string[]> {
  const named = dir === undefined ? [] : [dir];
  const all = [...named, ...more];
  return Promise.all(all.length > 0 ? all.map(requireRepository) : [requireRepository(undefined)]);
}

/** Resolves when `signal` is aborted, i.e. at the first Ctrl-C. */
export function aborted(signal: CommandInput['signal']): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
