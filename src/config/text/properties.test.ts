import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyConfig } from '../fixtures/arbitrary.ts';
import { readByOracle } from '../fixtures/oracle.ts';
import { configFromJson, configToJson, formatConfig, parseConfig, printConfig } from '../index.ts';

test('reading what was printed gives the configuration back', () => {
  fc.assert(
    fc.property(anyConfig, (config) => {
      const parsed = parseConfig(printConfig(config));
      expect(parsed.diagnostics).toEqual([]);
      expect(parsed.config).toEqual(config);
    }),
    { numRuns: 300 },
  );
});

test('the same from bytes, and after formatting; the printer is a fixed point of the formatter', () => {
  fc.assert(
    fc.property(anyConfig, (config) => {
      const text = printConfig(config);
      expect(formatConfig(text)).toBe(text);
      expect(parseConfig(new TextEncoder().encode(text)).config).toEqual(config);
    }),
    { numRuns: 100 },
  );
});

test('JSON text gives the configuration back, with the zeros of what was absent', () => {
  fc.assert(
    fc.property(anyConfig, (config) => {
      const json = JSON.stringify(configToJson(config));
      const back = configFromJson(json);
      expect(JSON.stringify(configToJson(back))).toBe(json);
      expect(back).toMatchObject(config);
    }),
    { numRuns: 200 },
  );
});

test('protobuf-es reads the same from what was printed', () => {
  fc.assert(
    fc.property(anyConfig, (config) => {
      const oracle = configFromJson(readByOracle(printConfig(config)));
      expect(oracle).toEqual(configFromJson(JSON.stringify(configToJson(config))));
    }),
    { numRuns: 300 },
  );
});
