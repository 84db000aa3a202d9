import type { Case } from '../case.ts';
import { cases as ensemble } from './ensemble.ts';
import { cases as model } from './model.ts';
import { cases as sequence } from './sequence.ts';
import { cases as text } from './text.ts';
import { cases as versions } from './versions.ts';
import { cases as warmup } from './warmup.ts';

export const cases: readonly Case[] = [...text, ...model, ...versions, ...sequence, ...warmup, ...ensemble];
