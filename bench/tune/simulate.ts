import { type Goal, type Point, type Space, type TuneOptions, tune } from '../../src/measure/index.ts';
import type { Kind } from './kinds.ts';
import { bench } from './measure.ts';
import type { Surface } from './surface.ts';

const noServer = { apply: () => Promise.reject(new Error('no server')), close: async () => {} };

export interface Found {
  readonly point: Point | undefined;
  readonly measurements: number;
}

/**
 * Searches with other seeds over what is kept, each with a tenth of the measurements. A search sees single measurements,
 * noise and all: the first time that it looks at a configuration the first one, then the second.
 */
export async function simulate(
  { kind, space, surface }: { kind: Kind; space: Space; surface: Surface },
  goal: Goal,
  seeds: number,
): Promise<Found[]> {
  const found: Found[] = [];
  const measurements = Math.floor(space.all().length / 10);
  for (let seed = 1; seed <= seeds; seed++) {
    const looks = new Map<string, number>();
    const measure = async (point: Point) => {
      const list = surface.of(point.join());
      const look = looks.get(point.join()) ?? 0;
      looks.set(point.join(), look + 1);
      return list[look % list.length]!;
    };
    const options: TuneOptions = {
      ...{ model: kind.model, space, server: noServer, goal, seed, measurements, measure },
      bench: { ...bench, model: kind.model },
    };
    const report = await tune(options);
    found.push({ point: report.winner?.point, measurements: report.measurements });
  }
  return found;
}
