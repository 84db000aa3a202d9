import { ConchError, createLogger, type LogLevel, redact } from '../base/index.ts';
import type { ServerAddress } from '../proxy/index.ts';
import type { Command } from './command.ts';
import { requireRepository } from './deployment.ts';
import { accessFrom, accessOptions } from './proxy/access.ts';
import { devOption, devSettings, readableLogger, startDev } from './proxy/dev.ts';
import { keyCommand } from './proxy/key.ts';
import { limitOptions, limitsFrom } from './proxy/limits.ts';
import { observationFrom, observationOptions } from './proxy/observation.ts';
import { runFrom, runOptions } from './proxy/run.ts';
import { upstreamFrom, upstreamOptions } from './proxy/upstream.ts';
import { aborted, logOption } from './serve.ts';
import { port } from './values.ts';

export const proxyCommand: Command = {
  name: 'proxy',
  summary: 'the web application in front of a server: routes by model, OpenAPI, limits',
  options: [
    ...upstreamOptions.slice(0, 1),
    {
      flags: '--repository <dir>',
      summary: 'start the embedded server over this repository; beside --server: where that server has its models from',
    },
    { flags: '--port <port>', summary: 'port of the proxy', parse: port, default: 8080 },
    { flags: '--host <host>', summary: 'address to listen on', default: '127.0.0.1' },
    ...limitOptions,
    ...accessOptions,
    ...upstreamOptions.slice(1),
    ...observationOptions,
    ...runOptions,
    devOption,
    logOption,
  ],
  subcommands: [keyCommand],
  example: 'conch proxy --repository models --port 8080',
  async action({ options, signal }, output) {
    const { isLoopback, startProxy } = await import('../proxy/index.ts');
    const dev = options.dev === true;
    const { server, host } = options as { server?: ServerAddress[]; host: string };
    if (dev && (server !== undefined || !isLoopback(host))) {
      throw new ConchError(
        'USAGE',
        '--dev is for one machine: it starts its own server and lets everybody administer it',
        {
          fix: 'leave out --server, and --host unless it is 127.0.0.1',
        },
      );
    }
    const logger = dev
      ? await readableLogger(options.logLevel as LogLevel)
      : createLogger(options.logLevel as LogLevel);
    const embedded =
      server !== undefined
        ? undefined
        : dev
          ? await startDev(options, logger)
          : await startEmbedded(options.repository);
    const repository =
      embedded?.repository ??
      (options.repository === undefined ? undefined : await requireRepository(options.repository));
    const servers = embedded ? [{ url: embedded.url }] : server!;
    const named = servers.map(({ url }) => redact(url));
    try {
      const proxy = await startProxy({
        server: servers,
        host,
        port: options.port as number,
        logger,
        ...(dev && (await devSettings())),
        ...limitsFrom(options),
        ...accessFrom(options),
        ...upstreamFrom(options),
        ...observationFrom(options),
        ...runFrom(options, repository),
      });
      if (output.json) output.printJson({ url: proxy.url, server: named[0], servers: named });
      else {
        output.print(`proxy at ${proxy.url}, in front of ${named.join(', ')}`);
        const metrics = proxy.metricsPort === undefined ? '' : `metrics on port ${proxy.metricsPort}; `;
        output.print(`documentation at ${proxy.url}/docs; ${metrics}Ctrl-C stops`);
      }
      await aborted(signal);
      output.note('stopping: finishing the requests under way');
      await proxy.close();
    } finally {
      await embedded?.close();
    }
    return 0;
  },
};

/** An embedded server on free ports over a repository, for commands that need one beside them. */
export async function startEmbedded(named: unknown) {
  const { startServer } = await import('../server/index.ts');
  const repository = await requireRepository(named);
  const { url, close } = await startServer({ repository, httpPort: 0, metricsPort: false });
  return { url, repository, close };
}
