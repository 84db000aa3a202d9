import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyConfig } from '../fixtures/arbitrary.ts';
import { anyMutation } from '../fixtures/mutations.ts';
import { formatConfig, parseConfig, printConfig } from '../index.ts';

const megabyte = 1 << 20;

function filled(piece: string): string {
  return piece.repeat(Math.ceil(megabyte / piece.length));
}

function randomBytes(): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length: megabyte }, () => {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    return state >> 16;
  });
}

// Each takes well under a second; quadratic behaviour would take minutes and fail by the test's time limit.
describe('a megabyte is answered', () => {
  const pieces = [
    ...['a{', 'a<', 'a:[', '[', '{', '}', ']', ',', '-', ':', 'a ', 'a:', 'input[{', 'input{', 'input{dims:['],
    ...[
      '"',
      '"\n',
      '"\\',
      "'a'",
      '/*',
      '/* */',
      '//\n',
      '#\n',
      '“',
      '“a”',
      '\ufeff',
      '\0',
      '9',
      '\\x41',
      'a{}',
      '"a":',
    ],
    ...[
      'foo: 1\n',
      'name: “x”\n',
      'input { dims: "x" nme: 3 }\n',
      'max_batch_size: 0 ',
      'parameters { key: "x" value { } }\n',
    ],
  ];
  test.each(pieces)('of %j', (piece) => {
    const { diagnostics, at, nearest } = parseConfig(filled(piece));
    expect(diagnostics.length).toBeLessThanOrEqual(101);
    expect(at('input[3].dims[2]')).toBeUndefined();
    nearest('parameters["q"].value.string_value');
  });

  test('of random bytes, zeros and 0xff', () => {
    expect(parseConfig(randomBytes()).diagnostics).toHaveLength(1);
    expect(parseConfig(new Uint8Array(megabyte)).diagnostics).toHaveLength(1);
    expect(parseConfig(new Uint8Array(megabyte).fill(255)).diagnostics).toHaveLength(1);
  });

  test('in one token', () => {
    const finding = (text: string) => parseConfig(text).diagnostics[0]?.code;
    expect(finding(`max_batch_size: ${'9'.repeat(megabyte)}`)).toBe('config/out-of-range');
    expect(finding(`max_batch_size: 0x${'f'.repeat(megabyte)}`)).toBe('config/out-of-range');
    expect(finding(`max_batch_size: 0${'0'.repeat(megabyte)}`)).toBeUndefined();
    expect(finding(`max_batch_size: 1${' '.repeat(megabyte)}`)).toBeUndefined();
    expect(finding(`input { data_type: ${'A'.repeat(megabyte)} }`)).toBe('config/unknown-value');
    expect(finding('a'.repeat(megabyte))).toBe('config/unknown-field');
    expect(finding(`name: "${'\\x41'.repeat(megabyte / 4)}"`)).toBeUndefined();
    expect(finding(`name: ${'"\\101"'.repeat(megabyte / 6)}`)).toBeUndefined();
  });
});

test('mutated configurations never throw, and their findings stand inside the text, in order', () => {
  fc.assert(
    fc.property(
      anyConfig.chain((config) => anyMutation(printConfig(config))),
      (bytes) => {
        const { text, diagnostics, at, nearest } = parseConfig(bytes, 'config.pbtxt');
        const lines = text.split('\n');
        let before = 0;
        for (const { where, message, fix } of diagnostics) {
          const place = where.line! * 1e6 + where.column!;
          expect(place).toBeGreaterThanOrEqual(before);
          expect(where.column!).toBeLessThanOrEqual(lines[where.line! - 1]!.length + 1);
          expect(message).not.toMatch(/undefined|\[object/);
          for (const edit of fix?.edits ?? []) expect(edit.end).toBeLessThanOrEqual(text.length);
          if (where.path !== undefined) nearest(where.path);
          before = place;
        }
        at('input[0].dims[0]');
      },
    ),
    { numRuns: 1000 },
  );
});

test('arbitrary text never throws', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      expect(parseConfig(text).text).toBe(text);
    }),
    { numRuns: 1000 },
  );
});

test('arbitrary bytes never throw, and valid UTF-8 keeps its text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.string({ unit: 'grapheme' }), (bytes, text) => {
      parseConfig(bytes);
      const marked = parseConfig(Buffer.concat([Buffer.from(text), Buffer.from([0xff]), Buffer.from(text)])).text;
      expect(marked).toBe(`${text}\udcff${text}`);
    }),
    { numRuns: 500 },
  );
});

test('formatting an accepted mutation keeps its configuration and comments, and is stable', () => {
  fc.assert(
    fc.property(
      anyConfig.chain((config) => anyMutation(printConfig(config))),
      (bytes) => {
        const { text, config, diagnostics } = parseConfig(bytes);
        if (diagnostics.length > 0 || !text.isWellFormed()) return;
        const formatted = formatConfig(text);
        expect(parseConfig(formatted).config).toEqual(config);
        expect(formatConfig(formatted)).toBe(formatted);
      },
    ),
    { numRuns: 500 },
  );
});
