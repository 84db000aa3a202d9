import { packageVersion } from '../base/index.ts';

/** The image that `docker/Dockerfile` and the generated build make of this package. */
export function conchImage(): string {
  return `conch-triton:${packageVersion()}`;
}

/**
 * Images beside Triton, by version. A registry may move a tag, so for production `deploy.images` takes digests, which
 * `docker buildx imagetools inspect IMAGE --format '{{.Manifest.Digest}}'` prints.
 */
export const images = {
  prometheus: 'prom/prometheus:v3.5.0',
  grafana: 'grafana/grafana:12.1.1',
  /** Copies from S3 and from Google's storage alike. */
  sync: 'rclone/rclone:1.71.0',
  node: 'node:24.21.0-bookworm-slim',
  python: 'python:3.12.11-slim-bookworm',
} as const;

/**
 * The Python package that tokenizers other than BERT's WordPiece need in Triton's image, which lacks it. The wheels are
 * those of PyPI for Linux on x86-64 and ARM, built for the stable interface of Python 3.10 and later.
 */
export const tokenizersPackage = {
  version: '0.23.3',
  hashes: [
    'sha256:376851d22bcf9d650a5c3090bb83e6cf9e895fbf0595369fa4cd43c1f69b5f87',
    'sha256:ec82e80e65a862275b97c3d90b7a523df8d9519ee48aeb4e9625b2cc909274e0',
  ],
} as const;
