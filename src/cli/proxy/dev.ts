import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Logger, type LogLevel, redact, toConchError } from '../../base/index.ts';
import type { LoadedDeployment } from '../../compile/index.ts';
import type { ProxyOptions } from '../../proxy/index.ts';
import type { Option } from '../command.ts';
import { findDeployment, requireRepository } from '../deployment.ts';

export const devOption: Option = {
  flags: '--dev',
  summary:
    'for working on models: compiles the deployment, serves it, and does both again when a file changes; readable logs, pages of this machine may ask, admin routes without a key',
};

/** What `--dev` adds to the proxy's options, beneath whatever flags say. */
export async function devSettings(): Promise<Partial<ProxyOptions>> {
  const { localOrigins } = await import('../../proxy/index.ts');
  return { corsOrigins: [localOrigins], admin: 'without-keys', watchMs: 500 };
}

/** Log lines for people, on standard error. */
export async function readableLogger(level: LogLevel): Promise<Logger> {
  const [{ pino }, { default: pretty }] = await Promise.all([import('pino'), import('pino-pretty')]);
  const colorize = process.stderr.isTTY === true && process.env.NO_COLOR === undefined;
  const stream = pretty({
    destination: 2,
    sync: true,
    colorize,
    translateTime: 'HH:MM:ss.l',
    singleLine: true,
    ignore: 'pid,hostname',
  });
  return pino({ level, base: null, hooks: { streamWrite: redact } }, stream);
}

export interface DevServer {
  readonly url: string;
  readonly repository: string;
  close(): Promise<void>;
}

/**
 * Compiles the deployment, where there is one and no repository is named, serves the repository and follows both: the
 * deployment and the files that it names are compiled again when they change, the server looks at the repository every
 * second. A deployment that does not compile leaves what is served as it is.
 */
export async function startDev(
  named: { readonly repository?: unknown; readonly file?: unknown },
  logger: Logger,
): Promise<DevServer> {
  const loaded = named.repository === undefined ? await findDeployment(named.file) : undefined;
  const { compileDeployment, loadDeployment } = await import('../../compile/index.ts');
  if (loaded) await compileDeployment(loaded, {});
  const { repositoryOf } = await import('../../compile/index.ts');
  const repository = loaded ? repositoryOf(loaded) : await requireRepository(named.repository);
  const { startServer } = await import('../../server/index.ts');
  const server = await startServer({
    repository,
    logger,
    httpPort: 0,
    metricsPort: false,
    modelControlMode: 'poll',
    repositoryPollSecs: 1,
    strictReadiness: false,
  });
  const stop = loaded?.file === undefined ? async () => {} : await followDeployment(loaded, again);
  let work: Promise<void> = Promise.resolve();
  /** One compilation after the other: they write to one folder. */
  function again(): Promise<void> {
    work = work.then(async () => {
      const startedAt = performance.now();
      try {
        await compileDeployment(await loadDeployment(loaded!.file!), {});
        logger.info(`compiled again in ${Math.round(performance.now() - startedAt)} ms`);
      } catch (thrown) {
        logger.error(`what is served stays as it was: ${String(toConchError(thrown))}`);
      }
    });
    return work;
  }
  return {
    url: server.url,
    repository,
    close: async () => {
      await stop();
      await work;
      await server.close();
    },
  };
}

/** Calls `onChange` a moment after the deployment's file, or one that it names, has changed. */
async function followDeployment(
  { deployment, file, baseDir }: LoadedDeployment,
  onChange: () => void,
): Promise<() => Promise<void>> {
  const { watch } = await import('chokidar');
  const watcher = watch([file!, ...filesNamedIn(deployment.models, baseDir)], { ignoreInitial: true });
  let timer: NodeJS.Timeout | undefined;
  watcher.on('all', () => {
    clearTimeout(timer);
    timer = setTimeout(onChange, 50);
  });
  await new Promise<void>((ready) => watcher.once('ready', ready));
  return async () => {
    clearTimeout(timer);
    await watcher.close();
  };
}

/** Every text in a deployment that is the path of something that exists. */
function filesNamedIn(value: unknown, baseDir: string): string[] {
  if (typeof value === 'string') {
    const path = resolve(baseDir, value);
    return value !== '' && existsSync(path) ? [path] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap((part) => filesNamedIn(part, baseDir));
}
