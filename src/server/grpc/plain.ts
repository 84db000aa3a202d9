import { ConchError } from '../../base/index.ts';
import type { GrpcMethod, MessageValue } from '../../protocol/index.ts';
import type { Call, Receiver } from './call.ts';
import type { Handler } from './methods.ts';

/** A method with one request and one response, which its codecs read and write. */
export function plainMethod(call: Call, method: GrpcMethod, handler: Handler<never, object>): Receiver {
  let begun = false;
  const answer = async (bytes: Uint8Array): Promise<void> => {
    const request: MessageValue = method.request.decode(bytes);
    const response = await handler(request as never, call.context);
    call.reply([method.response.encode(response)]);
  };
  return {
    message(bytes) {
      if (begun) return;
      begun = true;
      answer(bytes).catch((error) => call.fail(error));
    },
    halfClose() {
      if (!begun) call.fail(noRequest());
    },
  };
}

/** The client ended its side without having said anything. */
export function noRequest(): ConchError {
  return new ConchError('REQUEST_MALFORMED', 'the call ended without a request message');
}
