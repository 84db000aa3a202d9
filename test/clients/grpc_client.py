"""Drives a server with tritonclient.grpc; arguments: host:port."""

import queue
import sys

import numpy as np
import tritonclient.grpc as client
import tritonclient.utils.shared_memory as shared_memory
from checks import check, expect, raises, run
from tritonclient.utils import InferenceServerException

TYPES = {
    "bool": ("BOOL", np.bool_, [[True, False]]),
    "uint8": ("UINT8", np.uint8, [[0, 255]]),
    "uint16": ("UINT16", np.uint16, [[0, 65535]]),
    "uint32": ("UINT32", np.uint32, [[0, 2**32 - 1]]),
    "uint64": ("UINT64", np.uint64, [[0, 2**64 - 1]]),
    "int8": ("INT8", np.int8, [[-128, 127]]),
    "int16": ("INT16", np.int16, [[-(2**15), 2**15 - 1]]),
    "int32": ("INT32", np.int32, [[-(2**31), 2**31 - 1]]),
    "int64": ("INT64", np.int64, [[-(2**63), 2**63 - 1]]),
    "float16": ("FP16", np.float16, [[1.5, -0.25]]),
    "float": ("FP32", np.float32, [[0.1, -1e30]]),
    "double": ("FP64", np.float64, [[0.1, -1e300]]),
    "string": ("BYTES", np.object_, [["grüße".encode(), b""]]),
}


def add_inputs(rows=1):
    array = np.arange(4 * rows, dtype=np.float32).reshape(rows, 4)
    inputs = [client.InferInput(name, array.shape, "FP32") for name in ("a", "b")]
    for tensor in inputs:
        tensor.set_data_from_numpy(array)
    return inputs, array


@check
def health(grpc):
    expect(grpc.is_server_live(), True)
    expect(grpc.is_server_ready(), True)
    expect(grpc.is_model_ready("add"), True)
    expect(grpc.is_model_ready("add", "1"), True)
    error = raises(InferenceServerException, lambda: grpc.is_model_ready("none"), "none")
    expect(error.status(), "StatusCode.NOT_FOUND")


@check
def metadata(grpc):
    expect(grpc.get_server_metadata().name, "triton")
    model = grpc.get_model_metadata("add", as_json=True)
    expect(model["platform"], "onnxruntime_onnx")
    expect(model["inputs"][0], {"name": "a", "datatype": "FP32", "shape": ["-1", "4"]})
    config = grpc.get_model_config("add").config
    expect(config.max_batch_size, 8)
    expect(list(config.input[0].dims), [4])


@check
def every_type(grpc):
    inputs = []
    for name, (datatype, dtype, values) in TYPES.items():
        array = np.array(values, dtype=dtype)
        tensor = client.InferInput(f"in_{name}", array.shape, datatype)
        tensor.set_data_from_numpy(array)
        inputs.append(tensor)
    result = grpc.infer("identities", inputs, request_id="r1")
    expect(result.get_response().id, "r1")
    for name, (_, dtype, values) in TYPES.items():
        expect(result.as_numpy(f"out_{name}").tolist(), np.array(values, dtype=dtype).tolist())


@check
def batches(grpc):
    for rows in (1, 3, 8):
        inputs, array = add_inputs(rows)
        expect(grpc.infer("add", inputs).as_numpy("sum").tolist(), (2 * array).tolist())
    error = raises(InferenceServerException, lambda: grpc.infer("add", add_inputs(9)[0]), "8")
    expect(error.status(), "StatusCode.INVALID_ARGUMENT")


@check
def compressed_requests(grpc):
    inputs, array = add_inputs(8)
    for algorithm in ("gzip", "deflate"):
        result = grpc.infer("add", inputs, compression_algorithm=algorithm)
        expect(result.as_numpy("sum").tolist(), (2 * array).tolist())


@check
def classification(grpc):
    inputs, _ = add_inputs()
    outputs = [client.InferRequestedOutput("sum", class_count=2)]
    values = grpc.infer("add", inputs, outputs=outputs).as_numpy("sum")
    expect(values.tolist(), [[b"6.000000:3:three", b"4.000000:2:two"]])


@check
def parameters_priority_and_timeout(grpc):
    inputs, array = add_inputs()
    result = grpc.infer("add", inputs, priority=1, timeout=1_000_000, parameters={"mine": 5, "text": "x"})
    expect(result.as_numpy("sum").tolist(), (2 * array).tolist())


@check
def asynchronous_calls(grpc):
    inputs, array = add_inputs()
    answers = queue.Queue()
    for _ in range(50):
        grpc.async_infer("add", inputs, callback=lambda result, error: answers.put((result, error)))
    for _ in range(50):
        result, error = answers.get(timeout=30)
        expect(error, None)
        expect(result.as_numpy("sum").tolist(), (2 * array).tolist())


@check
def a_stream_in_order_with_an_error_amid(grpc):
    inputs, array = add_inputs()
    answers = queue.Queue()
    grpc.start_stream(callback=lambda result, error: answers.put((result, error)))
    for number in range(10):
        model = "none" if number == 5 else "add"
        grpc.async_stream_infer(model, inputs, request_id=str(number), enable_empty_final_response=number == 7)
    for number in range(10):
        result, error = answers.get(timeout=30)
        expect(error is not None, number == 5)
        if error:
            continue
        response = result.get_response()
        expect(response.id, str(number))
        expect(response.parameters["triton_final_response"].bool_param, True)
        expect(result.as_numpy("sum").tolist(), (2 * array).tolist())
    grpc.stop_stream()


@check
def errors(grpc):
    error = raises(InferenceServerException, lambda: grpc.infer("none", add_inputs()[0]), "none")
    expect(error.status(), "StatusCode.NOT_FOUND")
    error = raises(InferenceServerException, lambda: grpc.infer("add", add_inputs()[0][:1]), "b")
    expect(error.status(), "StatusCode.INVALID_ARGUMENT")


@check
def statistics(grpc):
    stats = grpc.get_inference_statistics("add").model_stats[0]
    expect(stats.name, "add")
    expect(stats.inference_stats.success.count > 0, True)
    everything = grpc.get_inference_statistics().model_stats
    expect({"add", "identities"} <= {one.name for one in everything}, True)


@check
def model_control(grpc):
    index = {row.name: row.state for row in grpc.get_model_repository_index().models if row.name != "brought"}
    expect(index, {"add": "READY", "identities": "READY"})
    grpc.unload_model("identities")
    raises(InferenceServerException, lambda: grpc.is_model_ready("identities"))
    grpc.load_model("identities", config='{"backend":"onnxruntime","max_batch_size":2}')
    expect(grpc.get_model_config("identities").config.max_batch_size, 2)
    grpc.load_model("identities")
    expect(grpc.get_model_config("identities").config.max_batch_size, 8)
    error = raises(InferenceServerException, lambda: grpc.load_model("none"))
    expect(error.status(), "StatusCode.INTERNAL")


@check
def load_with_files(grpc):
    with open(sys.argv[2], "rb") as file:
        model = file.read()
    config = '{"backend":"onnxruntime","max_batch_size":4}'
    grpc.load_model("brought", config=config, files={"file:5/model.onnx": model})
    expect(list(grpc.get_model_metadata("brought").versions), ["5"])
    expect(grpc.get_model_config("brought").config.max_batch_size, 4)
    inputs, array = add_inputs()
    double = (2 * array).tolist()
    expect(grpc.infer("brought", inputs).as_numpy("sum").tolist(), double)
    raises(InferenceServerException, lambda: grpc.load_model("brought", files={"file:5/model.onnx": model}))
    raises(
        InferenceServerException,
        lambda: grpc.load_model("brought", config=config, files={"file:../x/model.onnx": model}),
    )
    expect(grpc.infer("brought", inputs).as_numpy("sum").tolist(), double)
    grpc.unload_model("brought")
    raises(InferenceServerException, lambda: grpc.load_model("brought"))


@check
def settings(grpc):
    expect(list(grpc.get_trace_settings().settings["trace_level"].value), ["OFF"])
    updated = grpc.update_trace_settings(settings={"trace_rate": "500"})
    expect(list(updated.settings["trace_rate"].value), ["500"])
    cleared = grpc.update_trace_settings(settings={"trace_rate": None})
    expect(list(cleared.settings["trace_rate"].value), ["1000"])
    expect(grpc.update_log_settings({"log_verbose_level": 1}).settings["log_verbose_level"].uint32_param, 1)
    expect(grpc.update_log_settings({"log_verbose_level": 0}).settings["log_verbose_level"].uint32_param, 0)
    expect(grpc.get_log_settings().settings["log_error"].bool_param, True)


@check
def system_shared_memory(grpc):
    array = np.arange(4, dtype=np.float32).reshape(1, 4)
    size = array.nbytes
    region = shared_memory.create_shared_memory_region("grpc_data", "/conch_grpc_client", 2 * size)
    try:
        shared_memory.set_shared_memory_region(region, [array])
        grpc.register_system_shared_memory("grpc_data", "/conch_grpc_client", 2 * size)
        expect(grpc.get_system_shared_memory_status().regions["grpc_data"].byte_size, 2 * size)
        inputs = [client.InferInput(name, array.shape, "FP32") for name in ("a", "b")]
        for tensor in inputs:
            tensor.set_shared_memory("grpc_data", size)
        output = client.InferRequestedOutput("sum")
        output.set_shared_memory("grpc_data", size, offset=size)
        grpc.infer("add", inputs, outputs=[output])
        written = shared_memory.get_contents_as_numpy(region, np.float32, (1, 4), offset=size)
        expect(written.tolist(), (2 * array).tolist())
        error = raises(
            InferenceServerException,
            lambda: grpc.register_system_shared_memory("grpc_data", "/conch_grpc_client", size),
        )
        expect(error.status(), "StatusCode.ALREADY_EXISTS")
        grpc.unregister_system_shared_memory("grpc_data")
        expect(len(grpc.get_system_shared_memory_status().regions), 0)
    finally:
        shared_memory.destroy_shared_memory_region(region)


with client.InferenceServerClient(sys.argv[1]) as connection:
    run(connection)
