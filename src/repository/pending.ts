export function notYet(): never {
  throw new Error('not written yet');
}
