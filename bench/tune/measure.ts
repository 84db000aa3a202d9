import { evaluate, type Point, type Space } from '../../src/measure/index.ts';
import { whenQuiet } from '../quiet.ts';
import { type Kind, serverFor } from './kinds.ts';
import { load, type Surface } from './surface.ts';

export const bench = { loads: [load], warmupMs: 150, durationMs: 500, stability: 0 };

/**
 * Measures until each point has as many measurements as `wanted` says, round by round, in an order without order: what
 * disturbs the machine for a while then disturbs one measurement of each point at most, and no neighbours together. Goes
 * on where it was broken off.
 */
export async function measureRounds(
  { repository, kind, space, surface }: { repository: string; kind: Kind; space: Space; surface: Surface },
  points: readonly Point[],
  rounds: number,
  wanted: (id: string) => boolean = () => true,
): Promise<void> {
  const due = points.some((point) => surface.of(point.join()).length < rounds);
  if (!due) return;
  const { server, close } = await serverFor(repository, kind, space);
  const options = { server, bench: { ...bench, model: kind.model }, reserveBytes: 1e9, gpuReserve: 0 };
  try {
    for (let round = 1; round <= rounds; round++) {
      const left = points
        .filter((point) => surface.of(point.join()).length < round && (round === 1 || wanted(point.join())))
        .map((point, index) => ({ point, key: ((index + 1) * 7919 + round * 311) % 1009 }))
        .sort((one, other) => one.key - other.key);
      for (const [at, { point }] of left.entries()) {
        const { result } = await whenQuiet(
          () => evaluate(point, options),
          ({ others = 0 }) => others,
        );
        surface.add(result);
        console.error(`${kind.name} round ${round}: ${at + 1} of ${left.length} ${result.failed ?? ''}`);
        if (at % 5 === 0) await surface.save();
      }
    }
  } finally {
    await surface.save();
    await close();
  }
}
