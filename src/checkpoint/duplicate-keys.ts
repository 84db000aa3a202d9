/**
 * The first key that occurs twice in one object of `json`, a text that JSON.parse has accepted. JSON.parse itself lets
 * the last one win silently, so two readers of the same file could see different tensors.
 */
export function duplicateKey(json: string): string | undefined {
  const objects: (Set<string> | undefined)[] = [];
  let last: string | undefined;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{') objects.push(new Set());
    else if (token === '[') objects.push(undefined);
    else if (token === '}' || token === ']') objects.pop();
    else if (token !== ':') last = token;
    else {
      const keys = objects.at(-1);
      const key = JSON.parse(last!) as string;
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}
