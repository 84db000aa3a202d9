const patterns: readonly [RegExp, string][] = [
  [/\bhf_[A-Za-z0-9]{8,}/g, 'hf_***'],
  [/\bck-[A-Za-z0-9_-]{40,}/g, 'ck-***'],
  [/\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi, '$1 ***'],
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@:]*:[^\s/@]*@/gi, '$1***@'],
  [/([?&](?:token|api_key|apikey|access_token|key|signature|X-Amz-Signature)=)[^&\s]+/gi, '$1***'],
];

/** `text` without the credentials that commonly end up in messages: hub tokens, the proxy's API keys, URL passwords, authorization headers. */
export function redact(text: string): string {
  return patterns.reduce((out, [pattern, replacement]) => out.replace(pattern, replacement), text);
}
