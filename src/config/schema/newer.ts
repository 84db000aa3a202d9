import type { ModelConfig } from '../generated.ts';
import { type Message, modelConfig } from './view.ts';

/** A field that is set although releases before `since` do not know it. */
export interface NewerField {
  readonly path: string;
  readonly message: string;
  readonly name: string;
  readonly since: string;
}

/** The fields of a configuration that came with a release after `release`, e.g. `24.10`. */
export function newerFields(config: ModelConfig, release: string): NewerField[] {
  return [...find(modelConfig, config as Record<string, unknown>, '', release)];
}

function* find(
  message: Message,
  value: Readonly<Record<string, unknown>>,
  prefix: string,
  release: string,
): Generator<NewerField, void> {
  for (const field of message.fields) {
    const set = value[field.name];
    if (set === undefined || (field.many && Object.keys(set as object).length === 0)) continue;
    const path = `${prefix}${field.name}`;
    if (field.since !== undefined && field.since > release) {
      yield { path, message: message.name, name: field.name, since: field.since };
    } else if (field.message) {
      const inner = field.message;
      const places: [string, unknown][] = !field.many
        ? [[path, set]]
        : Object.entries(set as object).map(([key, one]) => [
            field.label === 'map' ? `${path}[${JSON.stringify(key)}]` : `${path}[${key}]`,
            one,
          ]);
      for (const [place, one] of places) yield* find(inner, one as Record<string, unknown>, `${place}.`, release);
    }
  }
}
