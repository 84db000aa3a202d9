# Written by `conch client generate --language python` from a model repository.
# Needs: pip install "tritonclient[http,grpc]" numpy
import queue
import sys

import numpy as np
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient


def class_2(client):
    inputs = [
        httpclient.InferInput("image data", [1, 1, 1, 3], "FP32"),
    ]
    inputs[0].set_data_from_numpy(np.full((1, 1, 1, 3), 0.5, dtype=np.float32))
    result = client.infer("class", inputs, sequence_id=1, sequence_start=True, sequence_end=True)
    return {name: result.as_numpy(name) for name in ["it's"]}


def count(client):
    inputs = [
        grpcclient.InferInput("N", [1], "INT32"),
    ]
    inputs[0].set_data_from_numpy(np.full((1,), 1, dtype=np.int32))
    responses = queue.Queue()
    client.start_stream(lambda result, error: responses.put(error or result))
    client.async_stream_infer("count", inputs, enable_empty_final_response=True)
    try:
        while True:
            result = responses.get(timeout=60)
            if isinstance(result, Exception):
                raise result
            if result.get_response().outputs:
                yield {name: result.as_numpy(name) for name in ["PART"]}
            if result.get_response().parameters["triton_final_response"].bool_param:
                return
    finally:
        client.stop_stream()


def every_type_v2(client):
    inputs = [
        httpclient.InferInput("in_bool", [1, 2], "BOOL"),
        httpclient.InferInput("in_uint8", [1, 2], "UINT8"),
        httpclient.InferInput("in_uint16", [1, 2], "UINT16"),
        httpclient.InferInput("in_uint32", [1, 2], "UINT32"),
        httpclient.InferInput("in_uint64", [1, 2], "UINT64"),
        httpclient.InferInput("in_int8", [1, 2], "INT8"),
        httpclient.InferInput("in_int16", [1, 2], "INT16"),
        httpclient.InferInput("in_int32", [1, 2], "INT32"),
        httpclient.InferInput("in_int64", [1, 2], "INT64"),
        httpclient.InferInput("in_float16", [1, 2], "FP16"),
        httpclient.InferInput("in_float", [1, 2], "FP32"),
        httpclient.InferInput("in_double", [1, 2], "FP64"),
        httpclient.InferInput("in_string", [1, 2], "BYTES"),
    ]
    inputs[0].set_data_from_numpy(np.full((1, 2), True, dtype=np.bool))
    inputs[1].set_data_from_numpy(np.full((1, 2), 1, dtype=np.uint8))
    inputs[2].set_data_from_numpy(np.full((1, 2), 1, dtype=np.uint16))
    inputs[3].set_data_from_numpy(np.full((1, 2), 1, dtype=np.uint32))
    inputs[4].set_data_from_numpy(np.full((1, 2), 1, dtype=np.uint64))
    inputs[5].set_data_from_numpy(np.full((1, 2), 1, dtype=np.int8))
    inputs[6].set_data_from_numpy(np.full((1, 2), 1, dtype=np.int16))
    inputs[7].set_data_from_numpy(np.full((1, 2), 1, dtype=np.int32))
    inputs[8].set_data_from_numpy(np.full((1, 2), 1, dtype=np.int64))
    inputs[9].set_data_from_numpy(np.full((1, 2), 0.5, dtype=np.float16))
    inputs[10].set_data_from_numpy(np.full((1, 2), 0.5, dtype=np.float32))
    inputs[11].set_data_from_numpy(np.full((1, 2), 0.5, dtype=np.float64))
    inputs[12].set_data_from_numpy(np.full((1, 2), "text".encode(), dtype=np.object_))
    result = client.infer("every-type.v2", inputs)
    return {name: result.as_numpy(name) for name in ["out_bool","out_uint8","out_uint16","out_uint32","out_uint64","out_int8","out_int16","out_int32","out_int64","out_float16","out_float","out_double","out_string"]}


def mlp(client):
    inputs = [
        httpclient.InferInput("x", [1, 10], "FP32"),
    ]
    inputs[0].set_data_from_numpy(np.full((1, 10), 0.5, dtype=np.float32))
    result = client.infer("mlp", inputs)
    return {name: result.as_numpy(name) for name in ["prediction"]}


if __name__ == "__main__":
    client = httpclient.InferenceServerClient(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:8000")
    print("class_2", class_2(client))
    print("every_type_v2", every_type_v2(client))
    print("mlp", mlp(client))
    stream = grpcclient.InferenceServerClient(sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1:8001")
    print("count", list(count(stream)))
