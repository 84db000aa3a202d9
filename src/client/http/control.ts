import { configToJson } from '../../config/index.ts';
import type { LoadOptions } from '../triton-client.ts';

/** The body of a load: all values are text, files travel in base64. */
export function loadBody({ config, files = {} }: LoadOptions): string {
  const parameters: Record<string, string> = {};
  if (config) parameters.config = JSON.stringify(configToJson(config));
  for (const [path, content] of Object.entries(files)) parameters[`file:${path}`] = base64(content);
  return JSON.stringify({ parameters });
}

/** In pieces of whole threes: a call takes only so many arguments. */
function base64(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += 0x6000) {
    text += btoa(String.fromCharCode(...bytes.subarray(start, start + 0x6000)));
  }
  return text;
}
