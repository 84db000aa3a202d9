import type { InferenceRequest } from '../../protocol/index.ts';
import {
  encodeInferRequest,
  encodeModelInferRequest,
  frameOf,
  inferenceHeaderLength,
  joinBody,
  type TensorEncoding,
} from '../../protocol/index.ts';

/** A whole HTTP request, ready to be written to a socket. */
export function httpMessage(
  request: InferenceRequest,
  options: {
    readonly url: string;
    readonly tensors: TensorEncoding;
    readonly headers: Readonly<Record<string, string>>;
  },
): Uint8Array {
  const { host, pathname } = new URL(options.url);
  const { model, version } = request;
  const path = `/v2/models/${encodeURIComponent(model)}${version ? `/versions/${encodeURIComponent(version)}` : ''}/infer`;
  const body = encodeInferRequest(request, { inputs: options.tensors, outputs: options.tensors });
  const binary = body.binary.length > 0;
  const headers = {
    Host: host,
    'Content-Type': binary ? 'application/octet-stream' : 'application/json',
    ...(binary && { [inferenceHeaderLength]: String(body.jsonLength) }),
    'Content-Length': String(body.byteLength),
    ...options.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `POST ${pathname.replace(/\/+$/, '')}${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), joinBody(body)]);
}

/** A framed ModelInferRequest. */
export function grpcMessage(request: InferenceRequest): Uint8Array {
  const parts = encodeModelInferRequest(request);
  return Buffer.concat([frameOf(parts.reduce((total, part) => total + part.length, 0)), ...parts]);
}

export function grpcHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return {
    ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    ':method': 'POST',
    ':path': '/inference.GRPCInferenceService/ModelInfer',
    'content-type': 'application/grpc',
    te: 'trailers',
  };
}
