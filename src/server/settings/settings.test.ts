import { describe, expect, test } from 'vitest';
import { createLogger } from '../../base/index.ts';
import { LogSettings, TraceSettings } from './index.ts';

const traced = { initial: { file: '/tmp/t.json' }, changeable: true };

describe('trace settings', () => {
  test('begin with what the server was started with, by the names of the protocol', () => {
    expect(new TraceSettings({ changeable: false }).describe()).toEqual({
      trace_level: ['OFF'],
      trace_rate: '1000',
      trace_count: '-1',
      log_frequency: '0',
      trace_file: '',
      trace_mode: 'triton',
    });
  });

  test("a model's own values stand against changes for all; cleared they follow again", () => {
    const settings = new TraceSettings(traced);
    settings.update({ trace_level: ['TENSORS', 'NONSENSE', 'TIMESTAMPS'], trace_rate: ['5'] });
    settings.update({ trace_level: ['NONSENSE'] });
    settings.update({ trace_rate: ['7'], unknown: ['x'] }, 'm');
    settings.update({ trace_rate: ['3'], trace_count: ['9'], log_frequency: ['2'] });
    expect(settings.describe('m')).toMatchObject({ trace_level: ['TIMESTAMPS', 'TENSORS'], trace_rate: '7' });
    expect(settings.describe('m')).toMatchObject({ trace_count: '9', log_frequency: '2' });
    expect(settings.describe('other')).toMatchObject({ trace_rate: '3' });
    settings.update({ trace_rate: null }, 'm');
    expect([settings.groupOf('m'), settings.describe('m').trace_rate]).toEqual(['', '3']);
    settings.update({ trace_rate: [], trace_level: null });
    expect(settings.describe()).toMatchObject({ trace_rate: '1000', trace_level: ['OFF'] });
  });

  test.each([
    [{ trace_level: ['OFF', 'TENSORS'] }, "'trace_level' OFF stands alone, got OFF, TENSORS"],
    [{ trace_rate: ['x'] }, "'trace_rate' must be a whole number from 0 to 4294967295, got 'x'"],
    [{ trace_rate: ['99999999999'] }, "'trace_rate' must be a whole number from 0 to 4294967295, got '99999999999'"],
    [{ trace_count: ['-2'] }, "'trace_count' must be a whole number from -1 to 2147483647, got '-2'"],
    [{ trace_rate: ['1', '2'] }, "'trace_rate' takes one value, got 2: 1, 2"],
  ])('refuse what cannot be and stay as they are: %j', (changes, message) => {
    const settings = new TraceSettings(traced);
    const before = settings.describe();
    expect(() => settings.update({ log_frequency: ['8'], ...changes })).toThrow(message);
    expect(settings.describe()).toEqual(before);
  });

  test('need a file, which no request can name', () => {
    const settings = new TraceSettings({ changeable: true });
    expect(() => settings.update({ trace_level: ['TIMESTAMPS'] })).toThrow('started without a trace file');
    expect(() => settings.update({ trace_level: ['TIMESTAMPS'] }, 'm')).toThrow('started without a trace file');
    expect(() => settings.update({ trace_file: ['/etc/passwd'] })).toThrow("'trace_file' cannot be changed by request");
  });

  test('are not changed by request unless that is switched on', () => {
    const settings = new TraceSettings({ changeable: false });
    expect(() => settings.update({})).toThrow('started without --allow-trace-settings=true');
  });
});

describe('log settings', () => {
  test('change what the logger lets through', () => {
    const logger = createLogger('silent');
    const settings = new LogSettings(logger, { changeable: true });
    expect(settings.update({ log_info: true, log_format: 'ISO8601' })).toEqual({
      log_file: '',
      log_info: true,
      log_warning: false,
      log_error: false,
      log_verbose_level: 0,
      log_format: 'ISO8601',
    });
    expect(logger.level).toBe('info');
    settings.update({ log_verbose_level: 2 });
    expect(logger.level).toBe('trace');
    settings.update({ log_info: false, log_verbose_level: 0 });
    expect(logger.level).toBe('silent');
  });

  test('refuse a file, an unknown format, and changes that are not switched on', () => {
    const settings = new LogSettings(createLogger('warn'), { changeable: true });
    expect(() => settings.update({ log_file: '' })).toThrow("'log_file' cannot be changed by request");
    expect(() => settings.update({ log_format: 'x', log_info: true })).toThrow(
      "must be 'default' or 'ISO8601', got 'x'",
    );
    expect(settings.get()).toMatchObject({ log_info: false, log_warning: true });
    const fixed = new LogSettings(createLogger('warn'), { changeable: false });
    expect(() => fixed.update({})).toThrow('started without --allow-log-settings=true');
  });
});
