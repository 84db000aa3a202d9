import { images } from '../pins.ts';
import { buildSteps } from './node-image.ts';

/** Where the image keeps the environment that `conch env` makes. */
const environment = '/opt/conch-environment';

/**
 * The Dockerfile of the image that compiles: conch, Python and the locked environment with PyTorch, apart from what serves.
 * Run it over a folder with a deployment file: `docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" conch-compile`.
 */
export function compileDockerfile(): string {
  const [install, ...rest] = buildSteps({ from: 'checkout' });
  return [
    '# conch with the environment that PyTorch modules are compiled in. Build it from the checkout:',
    '# docker build -f docker/compile.Dockerfile -t conch-compile .',
    "# PyPI's PyTorch for Linux brings CUDA, 5.7 GB; --build-arg TORCH_INDEX=<url> takes it from the index that PyTorch's site",
    '# names for processors, 1 GB.',
    `FROM ${images.node} AS build`,
    'WORKDIR /build',
    'COPY package.json package-lock.json .npmrc ./',
    ...runLine(install!),
    'COPY . .',
    ...rest.flatMap(runLine),
    '',
    `FROM ${images.python}`,
    `ENV NODE_ENV=production CONCH_CACHE=/tmp/conch CONCH_ENVIRONMENT=${environment}`,
    'COPY --from=build /usr/local/bin/node /usr/local/bin/node',
    'COPY --from=build /build/package.json /build/LICENSE /app/',
    'COPY --from=build /build/python /app/python',
    'COPY --from=build /build/node_modules /app/node_modules',
    'COPY --from=build /build/dist /app/dist',
    'ARG TORCH_INDEX=',
    '# Every package in the version and with the hash of the lock.',
    `RUN node /app/dist/main.js env --python python3 $\{TORCH_INDEX:+--torch-index "$TORCH_INDEX"} \\`,
    '    && node /app/dist/main.js env --check \\',
    '    && rm -rf /tmp/conch /root/.cache',
    'USER 1000:1000',
    'WORKDIR /work',
    'ENTRYPOINT ["node", "/app/dist/main.js"]',
    'CMD ["compile"]',
    '',
  ].join('\n');
}

function runLine({ run, why }: { run: string; why: string }): string[] {
  return [`# ${why[0]!.toUpperCase()}${why.slice(1)}.`, `RUN ${run}`];
}

/** What of the checkout the builds see: nothing but what they need. */
export function checkoutIgnore(): string {
  const seen = ['package.json', 'package-lock.json', '.npmrc', 'tsconfig.json', 'tsdown.*.ts', 'src', 'python'];
  return `${['*', ...[...seen, 'LICENSE', 'README.md'].map((one) => `!${one}`), '**/__pycache__', '**/*.test.ts'].join('\n')}\n`;
}
