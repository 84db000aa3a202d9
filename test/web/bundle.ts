import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'tsdown';
import { webClient } from '../../tsdown.web.ts';

/** The client for browsers, Deno and Bun, built as for the package: its text. */
export async function bundleWebClient(): Promise<string> {
  const outDir = mkdtempSync(join(tmpdir(), 'conch-web-'));
  try {
    await build({ ...webClient, dts: false, outDir, config: false, logLevel: 'error' });
    return readFileSync(join(outDir, 'client-web.js'), 'utf8');
  } finally {
    rmSync(outDir, { recursive: true, force: true });
  }
}
