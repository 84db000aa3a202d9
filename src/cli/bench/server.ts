import type { BenchOptions, RequestOptions } from '../../measure/index.ts';
import { requireRepository } from '../deployment.ts';

/** The server that is measured. */
export interface BenchServer {
  readonly options: Pick<BenchOptions, 'url' | 'pid' | 'infer'>;
  /** How tokens of the model's texts are counted, where its tokenizer is at hand. */
  tokens(model: string): Promise<Pick<RequestOptions, 'countTokens'>>;
  close(): Promise<void>;
}

/** A running server, one started over the repository in a process of its own, or an engine in this one. */
export async function benchServer(
  options: Readonly<Record<string, unknown>>,
  command: readonly string[],
  signal: AbortSignal,
): Promise<BenchServer> {
  const named = typeof options.tokenizer === 'string' ? options.tokenizer : undefined;
  if (options.server !== undefined) {
    return {
      options: { url: options.server as string, pid: options.pid as number | undefined },
      tokens: async () => (named === undefined ? {} : tokenCounter(named)),
      close: async () => {},
    };
  }
  const repository = await requireRepository(options.repository);
  const tokens = (model: string) => tokenCounterOf(repository, model, named);
  if (options.protocol === 'in-process') {
    const { startServer } = await import('../../server/index.ts');
    const server = await startServer({ repository, httpPort: 0, metricsPort: false, signal });
    return {
      options: { url: server.url, pid: process.pid, infer: async (request) => server.engine.infer(request) },
      tokens,
      close: async () => void (await server.close()),
    };
  }
  const { startServerProcess } = await import('../../measure/index.ts');
  const server = await startServerProcess({ command, repository, signal });
  return {
    options: { url: options.protocol === 'grpc' ? server.grpcUrl : server.url, pid: server.pid },
    tokens,
    close: () => server.close(),
  };
}

/** How tokens of a model's texts are counted: by the tokenizer that is named, or by the repository's. */
export async function tokenCounterOf(
  repository: string,
  model: string,
  named: unknown,
): Promise<Pick<RequestOptions, 'countTokens'>> {
  const folder = typeof named === 'string' ? named : await tokenizerIn(repository, model);
  return folder === undefined ? {} : tokenCounter(folder);
}

/** The version folder with a tokenizer of the model, or of one of an ensemble's steps. */
async function tokenizerIn(root: string, model: string): Promise<string | undefined> {
  const { openRepository } = await import('../../repository/index.ts');
  const { models } = await openRepository(root);
  const entry = models.find(({ name }) => name === model);
  const steps = entry?.parsed?.config.ensemble_scheduling?.step?.map(({ model_name }) => model_name) ?? [];
  for (const name of [model, ...steps]) {
    const versions = models.find((one) => one.name === name)?.versions ?? [];
    const found = versions.findLast(({ files }) => files.some(({ path }) => path === 'tokenizer.json'));
    if (found !== undefined) return found.dir;
  }
  return undefined;
}

async function tokenCounter(folder: string): Promise<Pick<RequestOptions, 'countTokens'>> {
  const { readTokenizer } = await import('../../text/index.ts');
  const tokenizer = await readTokenizer(folder);
  return { countTokens: (text) => tokenizer.encode(text).ids.length };
}
