import { ConchError } from '../base/index.ts';

/** A TCP port: 0 (any free one) to 65535. */
export function port(text: string, flag: string): number {
  return wholeNumber(text, flag, 0, 65535);
}

/** A whole number from 0. */
export function unsignedInteger(text: string, flag: string): number {
  return wholeNumber(text, flag, 0, Number.MAX_SAFE_INTEGER);
}

/** As Triton's flags take it. */
export function boolean(text: string, flag: string): boolean {
  if (/^(true|1)$/i.test(text)) return true;
  if (/^(false|0)$/i.test(text)) return false;
  throw new ConchError('USAGE', `${flag}: expected true or false, got '${text}'`);
}

export function positiveInteger(text: string, flag: string): number {
  return wholeNumber(text, flag, 1, Number.MAX_SAFE_INTEGER);
}

export function wholeNumber(text: string, flag: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new ConchError('USAGE', `${flag}: expected a whole number ${range}, got '${text}'`);
  }
  return value;
}

export function positiveNumber(text: string, flag: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) {
    throw new ConchError('USAGE', `${flag}: expected a number above 0, got '${text}'`);
  }
  return value;
}

/** An absolute http or https address without a trailing slash. */
export function address(text: string, flag: string): string {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {}
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new ConchError('USAGE', `${flag}: expected an address like http://127.0.0.1:8000, got '${text}'`);
  }
  return url.href.replace(/\/$/, '');
}

/** The address of a server over HTTP or gRPC, without a trailing slash. */
export function serverAddress(text: string, flag: string): string {
  if (!/^grpcs?:/i.test(text)) return address(text, flag);
  if (/^grpcs?:\/\/[^/\s]+$/i.test(text) && URL.canParse(text)) return text;
  throw new ConchError('USAGE', `${flag}: expected an address like grpc://127.0.0.1:8001, got '${text}'`);
}

/** GPU ids separated by commas; `none` is an empty list. */
export function deviceIds(text: string, flag: string): number[] {
  if (text === 'none') return [];
  if (!/^\d+(,\d+)*$/.test(text)) {
    throw new ConchError('USAGE', `${flag}: expected GPU ids like 0,1 or none, got '${text}'`);
  }
  return text.split(',').map(Number);
}
