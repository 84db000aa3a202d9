import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type ModelConfig, printConfig } from '../config/index.ts';
import { move, replaceFile } from './durable.ts';
import { manifestFile } from './manifest.ts';
import { exists, journalFile } from './staging.ts';
import { selectVersions } from './versions.ts';

/**
 * How an existing model gets a new version, configuration and labels, when no file system call replaces more than one
 * name at once, and the number may be that of a version that is there.
 *
 * The new version first comes in under a spare number that the old configuration does not select. Then one rename of
 * config.pbtxt changes over to it: a configuration whose version policy names the spare number, with labels under
 * spare names. Behind that the old version leaves and the new one takes its number. After every step the folder holds
 * either the old or the new model whole, for Triton as for conch.
 *
 * What is to be done is written to a journal in the workshop before the first step, and every step sees from the
 * folder whether it was taken already, so that an interrupted switch is finished by taking all steps again.
 */
export interface Switch {
  readonly version: number;
  /** The number under which the new version comes in. */
  readonly spare: number;
  /** config.pbtxt as it was; null when there was none. */
  readonly previous: string | null;
  /** The old configuration, made to not select the spare number; null when it does not anyway. */
  readonly pinned: string | null;
  /** What the user had changed by hand, by file name; kept as `<file>.orig`. */
  readonly edited: Readonly<Record<string, string>>;
  /** Selects the spare number in place of the version, and has labels under spare names. */
  readonly changing: string;
  /** Selects both numbers, with labels under their own names. */
  readonly admitting: string;
  readonly config: string;
  /** Contents by label file. */
  readonly labels: Readonly<Record<string, string>>;
  readonly manifest: string;
}

/** The version's folder in the workshop. */
export const stagedVersion = 'version';
const retiredVersion = 'retired';

export function spareLabelName(file: string): string {
  return `${file}.conch-next`;
}

/** What is on the disk before a switch. */
export interface Present {
  /** The old configuration, if it can be read. */
  readonly config: ModelConfig | undefined;
  readonly versions: readonly number[];
  /** Whether something of that name is in the model's folder. */
  readonly taken: (name: string) => boolean;
}

/** Chooses the spare number and writes the configurations that lead from the old model to the new one. */
export function planSwitch(
  present: Present,
  version: number,
  next: { config: ModelConfig; labels: readonly string[] },
): Pick<Switch, 'spare' | 'pinned' | 'changing' | 'admitting'> {
  const old = present.config ?? {};
  const selected = selectVersions(old, present.versions);
  const highest = Math.max(version, ...present.versions);
  const free = Array.from({ length: Math.min(highest + 2, 1000) }, (_, i) => i).filter(
    (number) => number !== version && !present.taken(String(number)),
  );
  const unseen = free.find((number) => {
    const withIt = selectVersions(old, [...present.versions, number]);
    return withIt.length === selected.length && withIt.every((one, i) => one === selected[i]);
  });
  const spare = unseen ?? free[0] ?? highest + 1;
  const needsPin = unseen === undefined && present.config !== undefined && selected.length > 0;
  const wanted = selectVersions(next.config, [...present.versions, version]);
  const output = (next.config.output ?? []).map((tensor) =>
    tensor.label_filename !== undefined && next.labels.includes(tensor.label_filename)
      ? { ...tensor, label_filename: spareLabelName(tensor.label_filename) }
      : tensor,
  );
  const only = (versions: readonly number[]) => ({ version_policy: { specific: { versions: [...versions] } } });
  const instead = wanted.map((number) => (number === version ? spare : number));
  return {
    spare,
    pinned: needsPin ? printConfig({ ...old, ...only(selected) }) : null,
    changing: printConfig({
      ...next.config,
      ...(next.config.output === undefined ? {} : { output }),
      ...only(instead),
    }),
    admitting: printConfig({ ...next.config, ...only([...new Set([...instead, ...wanted])]) }),
  };
}

export async function writeJournal(workshop: string, plan: Switch): Promise<void> {
  await replaceFile(join(workshop, journalFile), JSON.stringify(plan), workshop);
}

const texts = z.record(z.string().regex(/^[^/\\]+$/), z.string());
const journal = z.object({
  version: z.number().int().min(0),
  spare: z.number().int().min(0),
  previous: z.string().nullable(),
  pinned: z.string().nullable(),
  edited: texts,
  changing: z.string(),
  admitting: z.string(),
  config: z.string(),
  labels: texts,
  manifest: z.string(),
});

/** The journal, or undefined when it is not one: then nobody can tell what was to be done, and nothing is. */
export async function readJournal(workshop: string): Promise<Switch | undefined> {
  const text = await readFile(join(workshop, journalFile), 'utf8');
  try {
    return journal.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Takes all steps that have not been taken yet. `before` is told of each step that has something to do. */
export async function takeSteps(
  modelDir: string,
  workshop: string,
  plan: Switch,
  before: (step: string) => void = () => {},
): Promise<void> {
  const staged = join(workshop, stagedVersion);
  const spare = join(modelDir, String(plan.spare));
  const version = join(modelDir, String(plan.version));
  const file = (name: string, text: string) => replaceFile(join(modelDir, name), text, workshop);
  const configure = (text: string) => file('config.pbtxt', text);
  const labels = Object.entries(plan.labels);

  if (await exists(staged)) {
    for (const [name, text] of Object.entries(plan.edited)) {
      before(`keep ${name} as it was`);
      await file(`${name}.orig`, text);
    }
    if (plan.pinned !== null) {
      before('pin the old versions');
      await configure(plan.pinned);
    }
    before('bring in the new version');
    await move(staged, spare);
  }
  if (await exists(spare)) {
    for (const [name, text] of labels) {
      before('bring in labels');
      await file(spareLabelName(name), text);
    }
    before('change over');
    await configure(plan.changing);
    for (const [name, text] of labels) {
      before('rename labels');
      await file(name, text);
    }
    if (await exists(version)) {
      before('retire the old version');
      await rm(join(workshop, retiredVersion), { recursive: true, force: true });
      await move(version, join(workshop, retiredVersion));
    }
    before('admit the number');
    await configure(plan.admitting);
    before('number the new version');
    await move(spare, version);
  }
  before('settle the configuration');
  await configure(plan.config);
  before('write the manifest');
  await file(manifestFile, plan.manifest);
  before('tidy up');
  for (const [name] of labels) await rm(join(modelDir, spareLabelName(name)), { force: true });
}
