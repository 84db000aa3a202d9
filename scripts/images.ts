import { checkoutIgnore, compileDockerfile, nodeDockerfile } from '../src/deploy/index.ts';

/** The files in docker/, by name: builds from the checkout. `npm run images` writes them; a test compares. */
export function imageFiles(): Record<string, string> {
  return {
    Dockerfile: nodeDockerfile({ from: 'checkout' }),
    'Dockerfile.dockerignore': checkoutIgnore(),
    'compile.Dockerfile': compileDockerfile(),
    'compile.Dockerfile.dockerignore': checkoutIgnore(),
  };
}
