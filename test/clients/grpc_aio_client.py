"""Drives a server with tritonclient.grpc.aio; arguments: host:port."""

import asyncio
import sys

import numpy as np
import tritonclient.grpc.aio as client
from checks import check, expect, run
from tritonclient.utils import InferenceServerException


def add_inputs(rows=1):
    array = np.arange(4 * rows, dtype=np.float32).reshape(rows, 4)
    inputs = [client.InferInput(name, array.shape, "FP32") for name in ("a", "b")]
    for tensor in inputs:
        tensor.set_data_from_numpy(array)
    return inputs, array


@check
async def health_and_metadata(address):
    async with client.InferenceServerClient(address) as grpc:
        expect(await grpc.is_server_ready(), True)
        expect(await grpc.is_model_ready("add"), True)
        expect((await grpc.get_model_metadata("add")).name, "add")


@check
async def many_at_once(address):
    async with client.InferenceServerClient(address) as grpc:
        inputs, array = add_inputs(3)
        results = await asyncio.gather(*[grpc.infer("add", inputs) for _ in range(200)])
        for result in results:
            expect(result.as_numpy("sum").tolist(), (2 * array).tolist())


@check
async def a_stream(address):
    async with client.InferenceServerClient(address) as grpc:
        inputs, array = add_inputs()

        async def requests():
            for number in range(10):
                yield {"model_name": "none" if number == 5 else "add", "inputs": inputs, "request_id": str(number)}

        number = 0
        async for result, error in grpc.stream_infer(requests()):
            expect(error is not None, number == 5)
            if error is None:
                expect(result.get_response().id, str(number))
                expect(result.as_numpy("sum").tolist(), (2 * array).tolist())
            number += 1
        expect(number, 10)


@check
async def errors(address):
    async with client.InferenceServerClient(address) as grpc:
        try:
            await grpc.infer("none", add_inputs()[0])
        except InferenceServerException as error:
            expect(error.status(), "StatusCode.NOT_FOUND")
        else:
            raise AssertionError("an unknown model answered")


if __name__ == "__main__":
    run(sys.argv[1])
