import { ConchError } from '../../base/index.ts';
import type { Checkpoint } from '../../checkpoint/index.ts';
import type { Architecture } from './architecture.ts';
import { bert } from './bert.ts';
import { debertaV2 } from './deberta-v2.ts';
import { distilbert } from './distilbert.ts';
import { electra } from './electra.ts';
import { modernbert } from './modernbert.ts';
import { mpnet } from './mpnet.ts';
import { roberta } from './roberta.ts';

/** Every family that conch compiles. */
export const architectures: readonly Architecture[] = [
  bert,
  distilbert,
  roberta,
  electra,
  mpnet,
  modernbert,
  debertaV2,
];

/** What a class of transformers answers with: its ending. */
const kinds = { Model: 'hidden', ForSequenceClassification: 'texts', ForTokenClassification: 'tokens' } as const;
type Kind = (typeof kinds)[keyof typeof kinds];

/** Names of transformers' classes, by family. */
export function classesOf({ families }: Architecture): string[] {
  return Object.values(families).flatMap((family) => Object.keys(kinds).map((kind) => family + kind));
}

/**
 * The architecture of `checkpoint` and what its class answers with. Of a sentence encoder only `model_type` counts: it
 * may have been saved as a language model, whose head nobody wants. Throws CHECKPOINT_UNSUPPORTED listing what can be
 * compiled.
 */
export function chooseArchitecture(
  checkpoint: Checkpoint,
  sentence: boolean,
): { architecture: Architecture; kind: Kind } {
  const { architecture: name, modelType, configFile: file } = checkpoint;
  for (const architecture of architectures) {
    if (sentence && Object.hasOwn(architecture.families, modelType)) return { architecture, kind: 'hidden' };
    for (const family of Object.values(architecture.families)) {
      const kind = name.startsWith(family) && kinds[name.slice(family.length) as keyof typeof kinds];
      if (kind) return { architecture, kind: sentence ? 'hidden' : kind };
    }
  }
  const named = name || `(none; model_type '${modelType}')`;
  throw new ConchError('CHECKPOINT_UNSUPPORTED', `${file}: architecture ${named} cannot be compiled`, {
    where: { file, path: 'architectures' },
    fix: `conch compiles ${architectures.flatMap(classesOf).join(', ')}`,
  });
}
