import { connect } from '../connect.ts';
import { curlScript } from './curl.ts';
import { pythonProgram } from './python.ts';
import { fromRepository, fromServer } from './sources.ts';
import { typescriptModule } from './typescript.ts';

export type ClientLanguage = 'typescript' | 'curl' | 'python';

export interface GenerateClientOptions {
  /** The models' folder; or `server`: a running one's address. */
  readonly repository?: string | undefined;
  readonly server?: string | undefined;
  /** Only these models; default all, of a server those that are ready. */
  readonly models?: readonly string[] | undefined;
  readonly language?: ClientLanguage | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface GeneratedClient {
  readonly text: string;
  readonly models: readonly string[];
}

/** The source of a client for the models of a repository or a server. */
export async function generateSource(options: GenerateClientOptions): Promise<GeneratedClient> {
  const { repository, server, models: names = [], language = 'typescript', signal } = options;
  const signatures = server === undefined ? await fromRepository(repository!, names) : await ask(server, names, signal);
  const origin = server === undefined ? 'a model repository' : 'a running server';
  const url = server === undefined || server.startsWith('grpc') ? 'http://127.0.0.1:8000' : server;
  const text =
    language === 'typescript'
      ? typescriptModule(signatures, origin)
      : language === 'curl'
        ? curlScript(signatures, url, origin)
        : pythonProgram(signatures, url, origin);
  return { text, models: signatures.map(({ name }) => name) };
}

async function ask(server: string, names: readonly string[], signal: AbortSignal | undefined) {
  const client = connect(server);
  try {
    return await fromServer(client, names, signal);
  } finally {
    await client.close();
  }
}
