import type { GenerateClientOptions, GeneratedClient } from './generate/generate.ts';

/**
 * The source of a client for the models of a repository, or of a running server: a typed TypeScript module, or ready
 * `curl` and Python requests. Throws CONFIG_INVALID, MODEL_NOT_FOUND, and what reading or asking throws.
 */
export async function generateClient(options: GenerateClientOptions): Promise<GeneratedClient> {
  // Who only talks to a server has no use for what reads a repository.
  const { generateSource } = await import('./generate/generate.ts');
  return generateSource(options);
}
