import { createLogger } from '../base/index.ts';
import type { Command, CommandInput, Option } from './command.ts';
import { requireRepository } from './deployment.ts';
import { grpcFrom, grpcOptions } from './serve-grpc.ts';
import { httpFrom, httpOptions } from './serve-http.ts';
import { schedulingFrom, schedulingOptions } from './serve-scheduling.ts';
import { port, positiveInteger } from './values.ts';

const logLevels = ['silent', 'error', 'warn', 'info', 'debug'];

export const logOption: Option = {
  flags: '--log-level <level>',
  summary: 'log to standard error: silent, error, warn, info, debug',
  choices: logLevels,
  default: 'warn',
};

export const serveCommand: Command = {
  name: 'serve',
  summary: "serve a model repository over Triton's protocols, without Triton, Docker or a GPU",
  arguments: [{ usage: '[dir]', summary: "the model repository (default: the deployment's, else models)" }],
  options: [
    { flags: '--http-port <port>', summary: 'inference and health', parse: port, default: 8000 },
    ...grpcOptions.slice(0, 1),
    { flags: '--metrics-port <port>', summary: 'Prometheus metrics', parse: port, default: 8002 },
    { flags: '--http-address <host>', summary: 'address to listen on', default: '127.0.0.1' },
    { flags: '--load-model <name>', summary: 'load only this model; may be repeated', many: true },
    { flags: '--threads <n>', summary: 'threads of the ONNX runtime for each instance', parse: positiveInteger },
    {
      flags: '--http-max-input-size <bytes>',
      summary: 'largest JSON or decompressed body (default: 64 MiB)',
      parse: positiveInteger,
    },
    {
      flags: '--exit-timeout-secs <s>',
      summary: 'how long stopping waits for requests under way (default: 30)',
      parse: positiveInteger,
    },
    ...grpcOptions.slice(1),
    ...schedulingOptions,
    ...httpOptions,
    { flags: '--id <name>', summary: "the server's name in its metadata", default: 'triton' },
    { flags: '--no-exit-on-error', summary: 'serve the other models when one fails to load' },
    logOption,
  ],
  example: 'conch serve models --http-port 8000',
  async action({ arguments: [dir], options, signal }, output) {
    const { startServer } = await import('../server/index.ts');
    const repository = await requireRepository(dir);
    const server = await startServer({
      repository,
      host: options.httpAddress as string,
      httpPort: options.httpPort as number,
      metricsPort: options.metricsPort as number,
      exitOnError: options.exitOnError !== false,
      logger: createLogger(options.logLevel as never),
      id: options.id as string,
      ...schedulingFrom(options),
      ...httpFrom(options),
      ...(await grpcFrom(options)),
      ...(options.httpMaxInputSize !== undefined && { httpMaxInputSize: options.httpMaxInputSize as number }),
      ...(options.exitTimeoutSecs !== undefined && { exitTimeoutSecs: options.exitTimeoutSecs as number }),
      ...(options.loadModel !== undefined && { models: options.loadModel as string[] }),
      ...(options.threads !== undefined && { threads: options.threads as number }),
    });
    const models = server.engine.index();
    if (output.json) {
      output.printJson({ url: server.url, grpcPort: server.grpcPort, metricsPort: server.metricsPort, models });
    } else {
      const grpc = server.grpcPort === undefined ? '' : `gRPC on port ${server.grpcPort}; `;
      output.print(`serving ${models.map((model) => model.name).join(', ')} at ${server.url}`);
      output.print(`${grpc}metrics at http://${options.httpAddress}:${server.metricsPort}/metrics; Ctrl-C stops`);
    }
    await aborted(signal);
    output.note('stopping: finishing the requests under way');
    await server.close();
    return 0;
  },
};

/** Resolves when `signal` is aborted, i.e. at the first Ctrl-C. */
export function aborted(signal: CommandInput['signal']): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
