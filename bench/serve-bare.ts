import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// The yardstick of bench/serve.ts: a node:http server that answers every request with the same bytes, unlooked at.
// argv: headers as JSON, body in base64. Prints its port.
const headers = JSON.parse(process.argv[2]!) as Record<string, string>;
const body = Buffer.from(process.argv[3]!, 'base64');
const server = createServer((_request, response) => {
  response.writeHead(200, headers);
  response.end(body);
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
