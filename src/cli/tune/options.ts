import { ConchError } from '../../base/index.ts';
import type { Setting } from '../../measure/index.ts';

const names: readonly Setting[] = [
  'instances',
  'threads',
  'max_batch_size',
  'max_queue_delay_microseconds',
  'preferred_batch_size',
  'max_batch_tokens',
  'precision',
];
const units: Readonly<Record<string, number>> = {
  '': 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

/** `2GB`, `500MiB`, `1073741824`. */
export function bytes(text: string, flag: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = units[unit.toLowerCase()];
  if (number !== undefined && factor !== undefined && Number(number) > 0) return Number(number) * factor;
  throw new ConchError('USAGE', `${flag}: expected a size like 2GB or 500MiB, got '${text}'`);
}

/** Names of settings by commas. */
export function settings(text: string, flag: string): Setting[] {
  return text.split(',').map((name) => settingNamed(name.trim(), flag));
}

/** `instances=1,2,4`; `none` leaves the setting out. */
export function settingValues(text: string, flag: string): [Setting, (string | number | undefined)[]] {
  const [, name = '', list = ''] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  const setting = settingNamed(name.trim(), flag);
  const values = list.split(',').map((part) => {
    const value = part.trim();
    if (value === 'none') return undefined;
    if (/^\d+$/.test(value)) return Number(value);
    throw new ConchError('USAGE', `${flag}: ${setting} takes whole numbers or none, got '${value}'`);
  });
  return [setting, values];
}

function settingNamed(name: string, flag: string): Setting {
  const found = names.find((one) => one === name);
  if (found) return found;
  throw new ConchError('USAGE', `${flag}: expected one of ${names.join(', ')}, got '${name}'`);
}
