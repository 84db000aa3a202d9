"""Drives a server with tritonclient.http; arguments: host:port."""

import sys

import numpy as np
import tritonclient.http as client
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


def identity_inputs(binary=True):
    inputs = []
    for name, (datatype, dtype, values) in TYPES.items():
        array = np.array(values, dtype=dtype)
        tensor = client.InferInput(f"in_{name}", array.shape, datatype)
        # Neither FP16 nor bytes that are not UTF-8 have a form in JSON.
        as_binary = binary or datatype in ("FP16", "BYTES")
        tensor.set_data_from_numpy(array, binary_data=as_binary)
        inputs.append(tensor)
    return inputs


def add_inputs(rows=1, binary=True):
    array = np.arange(4 * rows, dtype=np.float32).reshape(rows, 4)
    inputs = [client.InferInput(name, array.shape, "FP32") for name in ("a", "b")]
    for tensor in inputs:
        tensor.set_data_from_numpy(array, binary_data=binary)
    return inputs, array


@check
def health(http):
    expect(http.is_server_live(), True)
    expect(http.is_server_ready(), True)
    expect(http.is_model_ready("add"), True)
    expect(http.is_model_ready("add", "1"), True)
    expect(http.is_model_ready("add", "7"), False)
    expect(http.is_model_ready("none"), False)


@check
def metadata(http):
    server = http.get_server_metadata()
    expect(server["name"], "triton")
    expect("binary_tensor_data" in server["extensions"], True)
    model = http.get_model_metadata("add")
    expect(model["platform"], "onnxruntime_onnx")
    expect(model["inputs"][0], {"name": "a", "datatype": "FP32", "shape": [-1, 4]})
    config = http.get_model_config("add")
    expect(config["max_batch_size"], 8)
    expect(config["input"][0]["dims"], [4])


@check
def every_type_binary_and_json(http):
    for binary in (True, False):
        outputs = [
            client.InferRequestedOutput(f"out_{name}", binary_data=binary or datatype in ("FP16", "BYTES"))
            for name, (datatype, _, _) in TYPES.items()
        ]
        result = http.infer("identities", identity_inputs(binary), outputs=outputs, request_id="r1")
        expect(result.get_response()["id"], "r1")
        for name, (_, dtype, values) in TYPES.items():
            expect(result.as_numpy(f"out_{name}").tolist(), np.array(values, dtype=dtype).tolist())


@check
def batches(http):
    for rows in (1, 3, 8):
        inputs, array = add_inputs(rows)
        expect(http.infer("add", inputs).as_numpy("sum").tolist(), (2 * array).tolist())
    raises(InferenceServerException, lambda: http.infer("add", add_inputs(9)[0]), "8")


@check
def compression_both_ways(http):
    inputs, array = add_inputs(8, binary=False)
    for algorithm in ("gzip", "deflate"):
        result = http.infer(
            "add",
            inputs,
            request_compression_algorithm=algorithm,
            response_compression_algorithm=algorithm,
        )
        expect(result.as_numpy("sum").tolist(), (2 * array).tolist())


@check
def classification(http):
    inputs, _ = add_inputs()
    outputs = [client.InferRequestedOutput("sum", class_count=2)]
    values = http.infer("add", inputs, outputs=outputs).as_numpy("sum")
    expect(values.tolist(), [[b"6.000000:3:three", b"4.000000:2:two"]])


@check
def parameters_priority_and_timeout(http):
    inputs, array = add_inputs()
    result = http.infer("add", inputs, priority=1, timeout=1_000_000, parameters={"mine": 5, "text": "x"})
    expect(result.as_numpy("sum").tolist(), (2 * array).tolist())


@check
def asynchronous_calls(http):
    inputs, array = add_inputs()
    waiting = [http.async_infer("add", inputs) for _ in range(20)]
    for one in waiting:
        expect(one.get_result().as_numpy("sum").tolist(), (2 * array).tolist())


@check
def body_made_by_hand(http):
    inputs, array = add_inputs()
    body, header_length = client.InferenceServerClient.generate_request_body(inputs)
    expect(isinstance(body, bytes) and header_length > 0, True)
    expect(http.infer("add", inputs, query_params={"a": "b"}).as_numpy("sum").tolist(), (2 * array).tolist())


@check
def errors(http):
    error = raises(InferenceServerException, lambda: http.infer("none", add_inputs()[0]), "none")
    expect(error.status(), "404")
    error = raises(InferenceServerException, lambda: http.infer("add", add_inputs()[0][:1]), "b")
    expect(error.status(), "400")
    raises(InferenceServerException, lambda: http.get_model_metadata("none"), "none")


@check
def statistics(http):
    stats = http.get_inference_statistics("add")["model_stats"][0]
    expect(stats["name"], "add")
    expect(stats["inference_stats"]["success"]["count"] > 0, True)
    everything = http.get_inference_statistics()["model_stats"]
    expect({"add", "identities"} <= {one["name"] for one in everything}, True)


@check
def model_control(http):
    index = {row["name"]: row["state"] for row in http.get_model_repository_index() if row["name"] != "brought"}
    expect(index, {"add": "READY", "identities": "READY"})
    http.unload_model("identities")
    for _ in range(100):
        rows = [row for row in http.get_model_repository_index() if row["name"] == "identities"]
        if rows[0].get("state") == "UNAVAILABLE":
            break
    expect(rows[0]["reason"], "unloaded")
    http.load_model("identities")
    expect(http.is_model_ready("identities"), True)
    config = '{"backend":"onnxruntime","max_batch_size":2}'
    http.load_model("identities", config=config)
    expect(http.get_model_config("identities")["max_batch_size"], 2)
    http.load_model("identities")
    raises(InferenceServerException, lambda: http.load_model("none"))


@check
def load_with_files(http):
    with open(sys.argv[2], "rb") as file:
        model = file.read()
    config = '{"backend":"onnxruntime","max_batch_size":4}'
    http.load_model("brought", config=config, files={"file:5/model.onnx": model})
    expect(http.get_model_metadata("brought")["versions"], ["5"])
    expect(http.get_model_config("brought")["max_batch_size"], 4)
    inputs, array = add_inputs()
    double = (2 * array).tolist()
    expect(http.infer("brought", inputs).as_numpy("sum").tolist(), double)
    raises(InferenceServerException, lambda: http.load_model("brought", files={"file:5/model.onnx": model}))
    raises(
        InferenceServerException,
        lambda: http.load_model("brought", config=config, files={"file:../x/model.onnx": model}),
    )
    expect(http.infer("brought", inputs).as_numpy("sum").tolist(), double)
    http.unload_model("brought")
    raises(InferenceServerException, lambda: http.load_model("brought"))


@check
def settings(http):
    expect(http.get_trace_settings()["trace_level"], ["OFF"])
    updated = http.update_trace_settings(settings={"trace_rate": "500"})
    expect(updated["trace_rate"], "500")
    expect(http.update_trace_settings(settings={"trace_rate": None})["trace_rate"], "1000")
    expect(http.update_log_settings({"log_verbose_level": 1})["log_verbose_level"], 1)
    expect(http.update_log_settings({"log_verbose_level": 0})["log_verbose_level"], 0)
    expect(http.get_log_settings()["log_error"], True)


@check
def shared_memory(http):
    import tritonclient.utils.shared_memory as shm

    array = np.arange(4, dtype=np.float32).reshape(1, 4)
    size = array.nbytes
    region = shm.create_shared_memory_region("both", "/conch_client_test", 3 * size)
    try:
        shm.set_shared_memory_region(region, [array, array])
        http.register_system_shared_memory("both", "/conch_client_test", 3 * size)
        expect([one["name"] for one in http.get_system_shared_memory_status()], ["both"])
        inputs = [client.InferInput(name, array.shape, "FP32") for name in ("a", "b")]
        for place, tensor in enumerate(inputs):
            tensor.set_shared_memory("both", size, offset=place * size)
        output = client.InferRequestedOutput("sum")
        output.set_shared_memory("both", size, offset=2 * size)
        result = http.infer("add", inputs, outputs=[output])
        expect(result.get_output("sum")["shape"], [1, 4])
        read = shm.get_contents_as_numpy(region, np.float32, [1, 4], 2 * size)
        expect(read.tolist(), (2 * array).tolist())
        raises(
            InferenceServerException,
            lambda: http.register_system_shared_memory("both", "/conch_client_test", size),
        )
        http.unregister_system_shared_memory("both")
        expect(http.get_system_shared_memory_status(), [])
        raises(InferenceServerException, lambda: http.infer("add", inputs, outputs=[output]), "both")
    finally:
        shm.destroy_shared_memory_region(region)


if __name__ == "__main__":
    with client.InferenceServerClient(sys.argv[1], concurrency=8) as connection:
        run(connection)
