import { createLogger, redact } from '../base/index.ts';
import type { ServerAddress } from '../proxy/index.ts';
import type { Command } from './command.ts';
import { requireRepository } from './deployment.ts';
import { accessFrom, accessOptions } from './proxy/access.ts';
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
    logOption,
  ],
  subcommands: [keyCommand],
  example: 'conch proxy --repository models --port 8080',
  async action({ options, signal }, output) {
    const { startProxy } = await import('../proxy/index.ts');
    const logger = createLogger(options.logLevel as never);
    const own = options.server === undefined;
    const repository =
      own || options.repository !== undefined ? await requireRepository(options.repository) : undefined;
    const embedded = own ? await startEmbedded(repository) : undefined;
    const servers = embedded ? [{ url: embedded.url }] : (options.server as ServerAddress[]);
    const named = servers.map(({ url }) => redact(url));
    try {
      const proxy = await startProxy({
        server: servers,
        host: options.host as string,
        port: options.port as number,
        logger,
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
export async function startEmbedded(repository: unknown) {
  const { startServer } = await import('../server/index.ts');
  return startServer({ repository: await requireRepository(repository), httpPort: 0, metricsPort: false });
}
