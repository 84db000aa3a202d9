const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** `grpc-message`: UTF-8 with everything but printable ASCII, and `%`, percent-encoded. */
export function encodeGrpcMessage(message: string): string {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(message)) return message;
  let text = '';
  for (const byte of encoder.encode(message)) {
    text +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

/** The text of a `grpc-message`; what is not a percent code stays as it is. */
export function decodeGrpcMessage(text: string): string {
  if (!text.includes('%')) return text;
  const bytes: number[] = [];
  for (let index = 0; index < text.length; index++) {
    const code = text.slice(index + 1, index + 3);
    if (text[index] === '%' && /^[0-9a-fA-F]{2}$/.test(code)) {
      bytes.push(Number.parseInt(code, 16));
      index += 2;
    } else bytes.push(...encoder.encode(text[index]));
  }
  return decoder.decode(Uint8Array.from(bytes));
}

const units: { readonly [unit: string]: number } = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds of a `grpc-timeout` header (digits, at most eight, and a unit); undefined where it is none. */
export function parseGrpcTimeout(header: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(header);
  return match ? Number(match[1]) * units[match[2]!]! : undefined;
}

/** A `grpc-timeout` header for so many milliseconds, in the finest unit that holds it. */
export function formatGrpcTimeout(milliseconds: number): string {
  const wanted = Math.max(0, milliseconds);
  for (const unit of ['n', 'u', 'm', 'S', 'M', 'H']) {
    const value = Math.ceil(wanted / units[unit]!);
    if (value < 1e8) return `${value}${unit}`;
  }
  return '99999999H';
}
