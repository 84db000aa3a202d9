import { expect, test } from 'vitest';
import { errorCatalogue, type TritonStatus } from '../base/index.ts';
import { grpcStatus, httpStatus, statusFromGrpc, statusFromHttp, statusTable } from './index.ts';

test("every status travels as Triton's front ends send it", () => {
  const table = Object.keys(statusTable).map((name) => {
    const status = name as TritonStatus;
    return [status, httpStatus(status), grpcStatus(status)];
  });
  expect(table).toEqual([
    ['UNKNOWN', 400, 2],
    ['INTERNAL', 500, 13],
    ['NOT_FOUND', 404, 5],
    ['INVALID_ARG', 400, 3],
    ['UNAVAILABLE', 503, 14],
    ['UNSUPPORTED', 501, 12],
    ['ALREADY_EXISTS', 400, 6],
    ['CANCELLED', 400, 1],
  ]);
});

test('every code of the catalogue has a status on the wire', () => {
  for (const { status } of Object.values(errorCatalogue)) expect(httpStatus(status)).toBeGreaterThanOrEqual(400);
});

test('gRPC statuses come back as they went', () => {
  for (const status of Object.keys(statusTable)) {
    expect(statusFromGrpc(grpcStatus(status as TritonStatus))).toBe(status);
  }
  expect(statusFromGrpc(4)).toBe('UNAVAILABLE');
  expect(statusFromGrpc(99)).toBe('UNKNOWN');
});

test('HTTP statuses come back as the most likely code, those of gateways too', () => {
  const read = [400, 401, 404, 405, 408, 429, 499, 500, 501, 502, 503, 504, 302].map(statusFromHttp);
  expect(read).toEqual([
    'INVALID_ARG',
    'INVALID_ARG',
    'NOT_FOUND',
    'UNSUPPORTED',
    'UNAVAILABLE',
    'UNAVAILABLE',
    'CANCELLED',
    'INTERNAL',
    'UNSUPPORTED',
    'UNAVAILABLE',
    'UNAVAILABLE',
    'UNAVAILABLE',
    'UNKNOWN',
  ]);
});
