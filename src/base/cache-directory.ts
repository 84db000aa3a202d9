import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where things are kept that can be made again at any time: `CONCH_CACHE`, else `conch` in the platform's own folder for
 * caches (`XDG_CACHE_HOME` or `~/.cache`; `~/Library/Caches`; `%LOCALAPPDATA%`). It may be removed whenever nothing runs.
 */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env, platform: string = process.platform): string {
  if (env.CONCH_CACHE) return env.CONCH_CACHE;
  if (platform === 'win32') return join(env.LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'conch', 'Cache');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'conch');
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'conch');
}
