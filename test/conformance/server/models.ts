const texts = `input { name: "x" data_type: TYPE_STRING dims: [ 1 ] } output { name: "y" data_type: TYPE_STRING dims: [ 1 ] }
instance_group { count: 1 kind: KIND_CPU }`;

/**
 * Does what its input says: `ok`, `fail` (an error), `raise`, `hold FILE` (tells that it has begun, and waits until the
 * file says go or the request is cancelled).
 */
const modelPy = `import os, time
import numpy as np
import triton_python_backend_utils as pb_utils


def hold(file, cancelled):
    open(file + ".begun", "w").close()
    while not os.path.exists(file + ".go"):
        if cancelled():
            return False
        time.sleep(0.002)
    return True


class TritonPythonModel:
    def execute(self, requests):
        responses = []
        for request in requests:
            command = request.inputs()[0].as_numpy().ravel()[0].decode().split()
            error = None
            if command[0] == "raise":
                raise ValueError("on purpose")
            if command[0] == "fail":
                error = pb_utils.TritonError("on purpose")
            if command[0] == "hold" and not hold(command[1], request.is_cancelled):
                error = pb_utils.TritonError("cancelled", pb_utils.TritonError.CANCELLED)
            if error:
                responses.append(pb_utils.InferenceResponse(error=error))
            else:
                y = np.array([[" ".join(command)]], dtype=object)
                responses.append(pb_utils.InferenceResponse([pb_utils.Tensor("y", y)]))
        return responses
`;

/** The same for a decoupled model: \`count N\` gives N answers, \`none\` none, \`part\` one and then an error. */
const decoupledPy = `${modelPy.slice(0, modelPy.indexOf('class'))}
class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            final = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL
            command = request.inputs()[0].as_numpy().ravel()[0].decode().split()
            def answer(text, flags=0):
                sender.send(pb_utils.InferenceResponse([pb_utils.Tensor("y", np.array([[text]], dtype=object))]), flags)
            if command[0] == "count":
                for index in range(int(command[1])):
                    answer(str(index))
                sender.send(flags=final)
            elif command[0] == "last":
                answer("last", final)
            elif command[0] == "none":
                sender.send(flags=final)
            elif command[0] == "part":
                answer("part")
                sender.send(pb_utils.InferenceResponse(error=pb_utils.TritonError("on purpose")), final)
            elif command[0] == "hold":
                answer("first")
                if hold(command[1], sender.is_cancelled):
                    answer("last", final)
                else:
                    cancelled = pb_utils.TritonError("cancelled", pb_utils.TritonError.CANCELLED)
                    sender.send(pb_utils.InferenceResponse(error=cancelled), final)
        return None
`;

export interface ServerModel {
  readonly config: string;
  readonly source: string;
}

/** `m` runs one request at a time. */
export const alone: ServerModel = { config: `backend: "python" max_batch_size: 4 ${texts}`, source: modelPy };
/** Batches are formed only when the instance is free, as a queue policy forbids to prepare them ahead. */
export const batched: ServerModel = {
  config: `${alone.config} dynamic_batching { default_queue_policy { max_queue_size: 100 } }`,
  source: modelPy,
};
export const decoupled: ServerModel = {
  config: `${alone.config} model_transaction_policy { decoupled: true }`,
  source: decoupledPy,
};
export const cachedConfig = 'response_cache { enable: true }';
