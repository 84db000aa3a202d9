import { readFile, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { ConchError } from '../../base/index.ts';
import type { TuneReport } from '../../measure/index.ts';
import { relativePath } from '../compile.ts';
import { unifiedDiff } from '../config/diff.ts';
import type { Subject } from './subject.ts';

/** What the result changes, as a diff of the files, and what is to be done next. */
export interface Change {
  readonly diff: string;
  readonly applied: boolean;
  readonly next: readonly string[];
}

/** One file before and after. */
interface FileChange {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/** Shows what the winner changes in the deployment file, or else in the models' config.pbtxt, and writes it where asked to. */
export async function applyOrShow(subject: Subject, report: TuneReport, apply: boolean): Promise<Change> {
  const point = report.winner!.point;
  const inDeployment = subject.deployment?.file === undefined ? undefined : await deploymentChange(subject, point);
  const files = inDeployment ? [inDeployment] : await configChanges(subject, point);
  const changed = files.filter(({ before, after }) => before !== after);
  const diff = changed.map(({ path, before, after }) => unifiedDiff(before, after, path)).join('');
  const written = apply && subject.repository !== undefined;
  if (written) {
    const { writeConfigFile } = await import('../../repository/index.ts');
    for (const { path, after } of changed) {
      if (inDeployment) await writeFile(path, after);
      else await writeConfigFile(path, after);
    }
  }
  return {
    diff,
    applied: written && changed.length > 0,
    next: nextSteps(subject, written, inDeployment !== undefined, changed),
  };
}

function nextSteps(
  { model, repository, deployment }: Subject,
  written: boolean,
  inDeployment: boolean,
  changed: readonly FileChange[],
): string[] {
  if (changed.length === 0) return [];
  const list = changed.map(({ path }) => path).join(', ');
  if (repository === undefined)
    return ['these are changes of the models on the server; write them into its repository'];
  const hint =
    deployment && !inDeployment
      ? [`${deployment.file} is not written so that conch can change it: set the same there`]
      : [];
  if (!written) return [...hint, `--apply writes this into ${list}`];
  return [...hint, inDeployment ? `written into ${list}; next: conch compile ${model}` : `written into ${list}`];
}

async function deploymentChange(
  { deployment, space, model }: Subject,
  point: readonly number[],
): Promise<FileChange | undefined> {
  const { deploymentEdits, editDeployment } = await import('../../measure/index.ts');
  const { isCheckpointDeployment } = await import('../../compile/index.ts');
  const path = relativePath(deployment!.file!);
  const before = await readFile(path, 'utf8');
  const isCheckpoint = isCheckpointDeployment(deployment!.deployment.models[model]!);
  const after = editDeployment(before, model, deploymentEdits(space, point, model, isCheckpoint));
  if (after === undefined) return undefined;
  try {
    stripTypeScriptTypes(after);
  } catch (cause) {
    throw new ConchError('INTERNAL', `${path}: the change would not be TypeScript any more`, { cause });
  }
  return { path, before, after };
}

async function configChanges({ repository, models, space }: Subject, point: readonly number[]): Promise<FileChange[]> {
  const { configFor, readConfigText } = await import('../../measure/index.ts');
  return Promise.all(
    models.map(async (name) => {
      const before = repository === undefined ? '' : await readConfigText(repository, name);
      const path =
        repository === undefined ? `${name}/config.pbtxt` : relativePath(join(repository, name, 'config.pbtxt'));
      return { path, before, after: configFor(space, point, name, before) };
    }),
  );
}
