import { relativeTo } from '../plan.ts';
import { type Cluster, containerSecurity, podSecurity, remoteOf } from './cluster.ts';
import { checksumsFile } from './triton.ts';

/**
 * A script that puts the repository where the pods take it from: into a folder named after its content, beside those of
 * earlier versions, which a rollback needs. It first makes sure that the repository is still what the files say.
 */
export function publishScript(cluster: Cluster, by: string, dir: string): string {
  const { source } = cluster;
  return [
    '#!/bin/sh',
    `# ${by}`,
    '# Puts the repository where the pods take it from, into a folder named after its content. Run it before applying.',
    'set -eu',
    'here=$(cd "$(dirname "$0")" && pwd)',
    `cd "$here/${relativeTo(dir, cluster.plan.repository)}"`,
    `sha256sum --check --quiet "$here/${checksumsFile}" || { echo 'the repository has changed: run conch deploy kubernetes again' >&2; exit 1; }`,
    ...(source.kind === 'claim' ? intoClaim(cluster, source) : intoBucket(source)),
    `echo 'published ${source.path}'`,
    '',
  ].join('\n');
}

function intoBucket(source: Exclude<Cluster['source'], { kind: 'claim' }>): string[] {
  return [
    '# rclone takes credentials from the environment, as its documentation of the storage says.',
    ...source.environment.map(({ name, value }) => `export ${name}='${value}'`),
    `rclone copy . '${remoteOf(source)}' --checksum --exclude '**/__pycache__/**' --progress`,
  ];
}

/** Through a pod that has the claim; the folder gets its name when it is whole. */
function intoClaim(cluster: Cluster, { claim, path }: Extract<Cluster['source'], { kind: 'claim' }>): string[] {
  const name = `${cluster.plan.name}-publish`;
  const folder = `/claim/${path}`;
  const unpack = [
    'set -eu',
    `if [ -d '${folder}' ]; then cat > /dev/null; exit 0; fi`,
    `rm -rf '${folder}.partial'`,
    `mkdir -p '${folder}.partial'`,
    `tar -x -f - -C '${folder}.partial'`,
    `mv '${folder}.partial' '${folder}'`,
  ].join('; ');
  const pod = {
    apiVersion: 'v1',
    spec: {
      securityContext: podSecurity,
      containers: [
        {
          ...{ name, image: cluster.plan.images.sync, stdin: true, stdinOnce: true },
          command: ['/bin/sh', '-c', unpack],
          securityContext: containerSecurity,
          volumeMounts: [{ name: 'claim', mountPath: '/claim' }],
        },
      ],
      volumes: [{ name: 'claim', persistentVolumeClaim: { claimName: claim } }],
    },
  };
  const run = `kubectl run ${name} --namespace ${cluster.namespace} --image=${cluster.plan.images.sync} --restart=Never --rm --quiet --stdin`;
  return [`tar -c -f - --exclude __pycache__ . | ${run} \\`, `  --overrides=${quote(JSON.stringify(pod))}`];
}

/** For a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
