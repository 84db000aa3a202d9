import { ConchError } from '../../base/index.ts';
import type { CommandInput, Option } from '../command.ts';
import type { BackendSetting } from '../config/host.ts';

/** Flags of `serve` that only the embedded server has, or that Triton has with another meaning. */
const embeddedOnly = [
  ...['cacheDirectory', 'threads', 'allowTraceSettings', 'allowLogSettings'],
  ...['httpUseSsl', 'httpServerCert', 'httpServerKey', 'httpRootCert'],
];

/** What is said to Triton in other words, by whoever starts it. */
const placed = [
  ...['modelRepository', 'httpPort', 'grpcPort', 'metricsPort', 'httpAddress', 'grpcAddress', 'metricsAddress'],
  ...['logLevel', 'json', 'quiet', 'engine', 'tritonserver', 'backendDirectory', 'libraryPath', 'server'],
  ...['composeDir', 'services', 'target', 'exitOnError', 'strictModelConfig'],
];

/** Files that a container would have to be given. */
const files = ['grpcServerCert', 'grpcServerKey', 'grpcRootCert'];

/**
 * The flags of `conch serve` as tritonserver takes them, but for repositories, addresses and ports. Throws USAGE for those
 * that only the embedded server has, and in a container for those that name files.
 */
export function tritonFlags(
  values: CommandInput['options'],
  options: readonly Option[],
  { inContainer }: { readonly inContainer: boolean },
): string[] {
  const flags: string[] = [];
  for (const { flags: text, default: standard } of options) {
    const flag = /--([a-z0-9-]+)/.exec(text)![1]!;
    const key = camelCase(flag);
    const value = values[key];
    if (value === undefined || placed.includes(key) || key.startsWith('no')) continue;
    // What docker-compose.yml says counts, unless the command line says otherwise.
    if (inContainer && value === standard) continue;
    if (embeddedOnly.includes(key) && value !== standard) {
      throw new ConchError('USAGE', `--${flag} is the embedded server's alone`, {
        fix: 'leave it out, or serve without --engine triton',
      });
    }
    if (embeddedOnly.includes(key)) continue;
    if (inContainer && files.includes(key)) {
      throw new ConchError('USAGE', `--${flag} names a file that Triton's container does not have`, {
        fix: 'add it to volumes and command in docker-compose.yml, or use --tritonserver',
      });
    }
    if (value === true && !text.includes('<') && !text.includes('[')) flags.push(`--${flag}`);
    else flags.push(...spelled(key, value).map((one) => `--${flag}=${one}`));
  }
  if (values.exitOnError === false) flags.push('--exit-on-error=false');
  if (values.strictModelConfig === true) flags.push('--disable-auto-complete-config');
  return flags;
}

/** Values that were read into something else, as they are written on the command line. */
function spelled(key: string, value: unknown): string[] {
  if (key === 'cacheConfig') return [`local,size=${value}`];
  if (key === 'backendConfig') {
    return (value as BackendSetting[]).map(({ backend, name, value: to }) => `${backend},${name}=${to}`);
  }
  if (key === 'rateLimitResource') {
    const all = value as { name: string; count: number; device?: number }[];
    return all.map(({ name, count, device }) => [name, count, device].filter((one) => one !== undefined).join(':'));
  }
  return (Array.isArray(value) ? value : [value]).map(String);
}

/** As commander names the value of a flag. */
function camelCase(flag: string): string {
  return flag.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
