import { expect, test } from 'vitest';
import { debertaBucket, logarithmicBucket } from './relative.ts';

// Values by transformers 5 (make_log_bucket_position of deberta_v2, relative_position_bucket of mpnet).
test("DeBERTa's buckets, 256 up to a distance of 512", () => {
  const distances = [0, 1, -1, 127, 128, 129, 130, 200, 255, 256, 300, 400, 510, 511, 512, 600, -128, -129, -511, -600];
  expect(distances.map((distance) => debertaBucket(distance, 256, 512))).toEqual([
    0, 1, -1, 127, 128, 129, 130, 169, 192, 192, 207, 233, 255, 255, 256, 270, -128, -129, -255, -270,
  ]);
});

test("MPNet's buckets: half for either side, at powers of two by single precision", () => {
  const keyMinusQuery = [
    0, 1, -1, 7, 8, 9, 11, 12, 15, 16, 31, 32, 63, 64, 90, 91, 127, 128, 500, -8, -16, -32, -64, -500,
  ];
  expect(keyMinusQuery.map((distance) => logarithmicBucket(distance, 32))).toEqual([
    0, 17, 1, 23, 24, 24, 24, 25, 25, 26, 27, 28, 29, 30, 30, 31, 31, 31, 31, 8, 10, 12, 14, 15,
  ]);
});
