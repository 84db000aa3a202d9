import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compileScript, environmentDir, environmentMarker, environmentPython } from '../../base/index.ts';
import { askPython } from './ask-python.ts';

/** The packages that compile steps import, by name with the pinned version. */
export function directPackages(): ReadonlyMap<string, string> {
  return pins(readFileSync(compileScript('requirements.in'), 'utf8'));
}

/** Names and versions in the text of a requirements file. */
export function pins(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)/gm)].map(([, name, version]) => [
      name!,
      version!,
    ]),
  );
}

export interface EnvironmentPackage {
  readonly name: string;
  readonly wanted: string;
  /** Absent where it is not installed. */
  readonly found?: string;
}

/** What stands of the compile environment. */
export interface EnvironmentReport {
  readonly dir: string;
  /** Everything is there, in the pinned versions, and the installation ended well. */
  readonly complete: boolean;
  /** Its interpreter and version; absent before there is one. */
  readonly python?: { readonly command: string; readonly version: string };
  /** What compile steps import. */
  readonly packages: readonly EnvironmentPackage[];
  /** `name version` of what is not there, or not in the pinned version. */
  readonly missing: readonly string[];
  /** uv or pip, where it was made. */
  readonly installer?: string;
}

/** Looks at the compile environment without changing anything. */
export async function inspectEnvironment(
  options: { readonly dir?: string; readonly env?: NodeJS.ProcessEnv; readonly signal?: AbortSignal } = {},
): Promise<EnvironmentReport> {
  const { env = process.env, signal } = options;
  const dir = options.dir ?? environmentDir(env);
  const wanted = directPackages();
  const command = environmentPython(dir);
  const facts = await askPython(command, [...wanted.keys()], env, signal);
  const packages = [...wanted].map(([name, version]) => {
    const found = facts?.packages[name];
    return { name, wanted: version, ...(found && { found }) };
  });
  // PyTorch's builds for one kind of device carry it behind a plus: 2.15.0+cpu.
  const missing = packages.filter(({ wanted, found }) => found?.split('+')[0] !== wanted);
  const marker = await readMarker(dir);
  return {
    dir,
    complete: marker !== undefined && missing.length === 0,
    ...(facts && { python: { command, version: facts.version } }),
    packages,
    missing: missing.map(({ name, wanted }) => `${name} ${wanted}`),
    ...(marker && { installer: marker.installer }),
  };
}

interface Marker {
  readonly installer: string;
}

async function readMarker(dir: string): Promise<Marker | undefined> {
  try {
    return JSON.parse(await readFile(join(dir, environmentMarker), 'utf8')) as Marker;
  } catch {
    return undefined;
  }
}
