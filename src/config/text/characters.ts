// Codes of the characters that structure a text.
export const PLUS = 43;
export const COMMA = 44;
export const MINUS = 45;
export const COLON = 58;
export const SEMICOLON = 59;
export const LESS = 60;
export const EQUALS = 61;
export const GREATER = 62;
export const OPEN_LIST = 91;
export const CLOSE_LIST = 93;
export const OPEN_BLOCK = 123;
export const CLOSE_BLOCK = 125;

/** 1 for what opens a block or list, -1 for what closes one, 0 for any other symbol. */
export function opening(symbol: number): number {
  if (symbol === OPEN_BLOCK || symbol === LESS || symbol === OPEN_LIST) return 1;
  return symbol === CLOSE_BLOCK || symbol === GREATER || symbol === CLOSE_LIST ? -1 : 0;
}
