import { images } from '../pins.ts';

/** Where the image's stages get the package from. */
export type PackageSource =
  /** A checkout of the sources with its package-lock.json. */
  | { readonly from: 'checkout' }
  /** The registry, or a file that `npm pack` made and that lies beside the Dockerfile. */
  | { readonly from: 'package'; readonly spec: string };

/** One step that a shell can rehearse: what a RUN line does. */
export interface BuildStep {
  readonly run: string;
  readonly why: string;
}

const entry = 'node_modules/conch-triton/dist/main.js';

/** ONNX Runtime's package brings its libraries for every platform; the image keeps those that it runs. */
const prune: BuildStep = {
  why: "ONNX Runtime's libraries for other platforms",
  run: "node -e \"const fs=require('fs'),p=require('path');const keep=process.platform+p.sep+process.arch;const bin='node_modules/onnxruntime-node/bin';for(const v of fs.readdirSync(bin))for(const o of fs.readdirSync(p.join(bin,v)))for(const a of fs.readdirSync(p.join(bin,v,o)))if(p.join(o,a)!==keep)fs.rmSync(p.join(bin,v,o,a),{recursive:true})\"",
};

/** What the first stage of the image does after its COPY, in order. */
export function buildSteps(source: PackageSource): BuildStep[] {
  if (source.from === 'package') {
    const run = 'npm install --omit=dev --ignore-scripts --no-audit --no-fund "$CONCH"';
    return [{ run, why: 'the package with what it needs, in the versions of package.json' }, prune];
  }
  return [
    { run: 'npm ci --ignore-scripts --no-audit --no-fund', why: 'everything, as locked' },
    { run: 'npm run -s build', why: 'TypeScript to JavaScript' },
    { run: 'npm prune --omit=dev --ignore-scripts --no-audit --no-fund', why: 'what only development needs' },
    prune,
  ];
}

/** Asks the server, or what CONCH_HEALTH_URL names, and fails unless the answer is good. */
const health =
  "fetch(process.env.CONCH_HEALTH_URL||'http://127.0.0.1:8000/v2/health/ready').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))";

/**
 * The Dockerfile of the image that runs conch: the embedded server and the proxy, on Node.js alone, as a user without
 * rights, with nothing written outside /tmp. It holds no Python: Python models other than conch's tokenizers, and
 * TorchScript, are for Triton.
 */
export function nodeDockerfile(source: PackageSource): string {
  const checkout = source.from === 'checkout';
  const [copied, main] = checkout ? ['/build', 'dist/main.js'] : ['/build', entry];
  const steps = buildSteps(source).map(({ run, why }) => `# ${why[0]!.toUpperCase()}${why.slice(1)}.\nRUN ${run}`);
  return [
    `# conch: the embedded server and the proxy. ${checkout ? 'Build it from the checkout: docker build -f docker/Dockerfile -t conch-triton .' : 'Another package: --build-arg CONCH=./conch-triton-0.1.0.tgz, made by npm pack, beside this file.'}`,
    `FROM ${images.node} AS build`,
    `WORKDIR ${copied}`,
    ...(checkout
      ? ['COPY package.json package-lock.json .npmrc ./', steps[0]!, 'COPY . .', ...steps.slice(1)]
      : [`ARG CONCH=${source.spec}`, 'COPY package.json *.tgz ./', ...steps]),
    '',
    `FROM ${images.node}`,
    'ENV NODE_ENV=production CONCH_CACHE=/tmp/conch',
    'WORKDIR /app',
    ...(checkout
      ? [
          'COPY --from=build /build/package.json /build/LICENSE /app/',
          'COPY --from=build /build/python /app/python',
          'COPY --from=build /build/node_modules /app/node_modules',
          'COPY --from=build /build/dist /app/dist',
        ]
      : ['COPY --from=build /build /app']),
    'USER 1000:1000',
    'EXPOSE 8000 8001 8002 8080',
    'STOPSIGNAL SIGTERM',
    'HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \\',
    `    CMD ["node", "-e", ${JSON.stringify(health)}]`,
    `ENTRYPOINT ["node", "/app/${main}"]`,
    'CMD ["serve", "/models", "--http-address", "0.0.0.0"]',
    '',
  ].join('\n');
}
