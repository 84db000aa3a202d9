import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// The yardstick of bench/serve.ts: a node:http server that answers every POST with the same bytes, unlooked at. What
// clients ask for with GET before they start is answered from a table. Prints its port.
export interface CannedAnswer {
  readonly headers: Readonly<Record<string, string>>;
  /** In base64. */
  readonly body: string;
}

const { post, get } = JSON.parse(process.argv[2]!) as { post: CannedAnswer; get: Record<string, CannedAnswer> };
const postBody = Buffer.from(post.body, 'base64');
let posts = 0;

/** perf_analyzer wants to see its requests in the statistics. */
function counted(body: Buffer): string {
  return body.toString().replace(/"(count|ns|inference_count|execution_count)":\d+/g, `"$1":${posts}`);
}

const server = createServer((request, response) => {
  if (request.method === 'POST') {
    posts++;
    response.writeHead(200, post.headers);
    response.end(postBody);
    return;
  }
  const known = get[request.url!];
  response.writeHead(known ? 200 : 404, { 'Content-Type': 'application/json' });
  response.end(known && counted(Buffer.from(known.body, 'base64')));
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
