export { requireKeys } from './access.ts';
export { allowOrigins, localOrigins } from './cors.ts';
export { type KeySources, type OpenedKeys, openKeys } from './key-file.ts';
export { type ApiKey, type KeyHolder, KeyRing, keyLine, makeKey, parseKeys } from './keys.ts';
export { type Rate, readRate, TokenBucket } from './token-bucket.ts';
export { watchFiles } from './watched-files.ts';
