import { type StatsListener, unwatchFile, watchFile } from 'node:fs';

const intervalMs = 2000;

/**
 * Calls `onChange` after one of `paths` has changed. Looks at them every two seconds, through links: secrets that
 * Kubernetes mounts change by a link that points elsewhere, which no notification of the file system tells.
 */
export function watchFiles(paths: readonly string[], onChange: () => void, everyMs = intervalMs): () => void {
  const listener: StatsListener = (now, before) => {
    // A file that is gone is about to be replaced, or was taken away by mistake: what it said stays in force.
    if (now.mtimeMs !== 0 && (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino)) onChange();
  };
  for (const path of paths) watchFile(path, { interval: everyMs, persistent: false }, listener);
  return () => {
    for (const path of paths) unwatchFile(path, listener);
  };
}
