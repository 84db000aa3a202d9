import { ConchError } from '../../base/index.ts';
import type { CompiledTensor } from '../compiled.ts';
import type { PlanPoint, PlanProfile } from './settings.ts';

/** Texts are seldom longer: what profiles are tuned for where the model takes more. */
const usualSequence = 128;

export interface PlanRange {
  /** The model's name in the deployment, for messages. */
  readonly name: string;
  readonly max_batch_size: number;
  readonly preferred: readonly number[];
  /** Longest sequence in tokens; undefined where no dimension but the batch varies. */
  readonly maxSequence: number | undefined;
}

/**
 * The profiles given, checked against what the configuration promises, else one up to each preferred batch size and to the
 * largest. The last goes up to `max_batch_size` and the longest sequence; Triton takes the one whose `opt` is nearest.
 */
export function profilesFor(range: PlanRange, given: readonly PlanProfile[] | undefined): readonly PlanProfile[] {
  const { name, max_batch_size, maxSequence } = range;
  if (given !== undefined) {
    for (const [index, profile] of given.entries())
      checkProfile(range, profile, `models.${name}.tensorrt.profiles[${index}]`);
    const [batch, sequence] = [mostOf(given, 'batch'), mostOf(given, 'sequence')];
    const whole = given.some(
      ({ max }) => max.batch >= max_batch_size && (maxSequence === undefined || (max.sequence ?? 0) >= maxSequence),
    );
    if (whole) return given;
    const reach = `batch ${batch}${maxSequence === undefined ? '' : ` and sequence ${sequence}`}`;
    const wanted = `batch ${max_batch_size}${maxSequence === undefined ? '' : ` with sequence ${maxSequence}`}`;
    throw invalid(
      `models.${name}.tensorrt.profiles: none takes ${wanted}, which the configuration allows; they end at ${reach}`,
      maxSequence === undefined
        ? 'raise max of one of them, or lower max_batch_size'
        : 'raise max of one of them, or lower max_batch_size or max_length',
    );
  }
  const sizes = [...new Set([...range.preferred.filter((size) => size > 0), max_batch_size])]
    .filter((size) => size <= max_batch_size)
    .sort((one, other) => one - other);
  const at = (batch: number, sequence: number): PlanPoint =>
    maxSequence === undefined ? { batch } : { batch, sequence: Math.min(sequence, maxSequence) };
  return sizes.map((size) => ({ min: at(1, 1), opt: at(size, usualSequence), max: at(size, maxSequence ?? 1) }));
}

function mostOf(profiles: readonly PlanProfile[], key: keyof PlanPoint): number {
  return Math.max(...profiles.map(({ max }) => max[key] ?? 0));
}

function checkProfile({ maxSequence }: PlanRange, { min, opt, max }: PlanProfile, path: string): void {
  for (const key of ['batch', 'sequence'] as const) {
    const [low, middle, high] = [min[key], opt[key], max[key]];
    if (key === 'sequence') {
      const has = [low, middle, high].filter((value) => value !== undefined).length;
      if (maxSequence === undefined && has > 0) {
        throw invalid(`${path}: the model has no dimension but the batch that varies`, 'leave sequence out');
      }
      if (maxSequence !== undefined && has < 3) {
        throw invalid(`${path}: sequence is needed in min, opt and max`, `give it, at most ${maxSequence}`);
      }
      if (maxSequence !== undefined && high! > maxSequence) {
        throw invalid(
          `${path}: sequence ${high}, but the model takes ${maxSequence} tokens`,
          `give ${maxSequence} or less`,
        );
      }
    }
    if (low !== undefined && !(low <= middle! && middle! <= high!)) {
      throw invalid(`${path}: ${key} is ${low}, ${middle}, ${high}; expected min <= opt <= max`, 'put them in order');
    }
  }
}

function invalid(message: string, fix: string): ConchError {
  return new ConchError('DEPLOYMENT_INVALID', message, { fix });
}

/** Shapes of all inputs at a point, as trtexec's --minShapes and others take them: `input_ids:1x8,attention_mask:1x8`. */
export function shapesAt(inputs: readonly CompiledTensor[], { batch, sequence }: PlanPoint): string {
  return inputs
    .map(({ name, dims }) => `${name}:${[batch, ...dims.map((dim) => (dim < 0 ? sequence! : dim))].join('x')}`)
    .join(',');
}
