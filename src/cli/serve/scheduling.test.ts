import { expect, test } from 'vitest';
import { schedulingFrom, schedulingOptions } from './scheduling.ts';

function parsed(flag: string, text: string) {
  const option = schedulingOptions.find(({ flags }) => flags.startsWith(`${flag} `))!;
  return option.parse!(text, flag);
}

test('a rate limit is off unless its mode is given, with resources of a device or of all', () => {
  expect(schedulingFrom({ rateLimit: 'off' })).toEqual({});
  expect(schedulingFrom({ rateLimit: 'execution_count' })).toEqual({ rateLimit: { resources: [] } });
  const rateLimitResource = ['r:2', 's:1:0'].map((text) => parsed('--rate-limit-resource', text));
  expect(schedulingFrom({ rateLimit: 'execution_count', rateLimitResource })).toEqual({
    rateLimit: {
      resources: [
        { name: 'r', count: 2 },
        { name: 's', count: 1, device: 0 },
      ],
    },
  });
});

test('resources that nothing would wait for are refused', () => {
  const rateLimitResource = [parsed('--rate-limit-resource', 'r:2')];
  expect(() => schedulingFrom({ rateLimit: 'off', rateLimitResource })).toThrow(
    '--rate-limit-resource has no effect while --rate-limit is off',
  );
});

test.each(['r', 'r:', ':2', 'r:two', 'r:1:gpu', 'r:1:0:0'])('%s is no resource', (text) => {
  expect(() => parsed('--rate-limit-resource', text)).toThrow(
    `--rate-limit-resource: expected name:count or name:count:device, got '${text}'`,
  );
});

test("the response cache's size is Triton's newer flag or the older one", () => {
  expect(schedulingFrom({ cacheConfig: parsed('--cache-config', 'local,size=4096') })).toEqual({
    responseCacheBytes: 4096,
  });
  expect(schedulingFrom({ responseCacheByteSize: parsed('--response-cache-byte-size', '1024') })).toEqual({
    responseCacheBytes: 1024,
  });
  expect(() => parsed('--cache-config', 'redis,host=cache')).toThrow(
    "expected local,size=<bytes>, got 'redis,host=cache'",
  );
});
