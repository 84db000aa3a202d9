"""Drives a server with tritonclient.http.aio; arguments: host:port."""

import asyncio
import sys

import numpy as np
import tritonclient.http.aio as client
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
    async with client.InferenceServerClient(address) as http:
        expect(await http.is_server_ready(), True)
        expect(await http.is_model_ready("add"), True)
        expect((await http.get_model_metadata("add"))["name"], "add")


@check
async def many_at_once(address):
    async with client.InferenceServerClient(address) as http:
        inputs, array = add_inputs(3)
        results = await asyncio.gather(*[http.infer("add", inputs) for _ in range(50)])
        for result in results:
            expect(result.as_numpy("sum").tolist(), (2 * array).tolist())


@check
async def errors(address):
    async with client.InferenceServerClient(address) as http:
        try:
            await http.infer("none", add_inputs()[0])
        except InferenceServerException as error:
            expect("none" in str(error), True)
        else:
            raise AssertionError("an unknown model answered")


if __name__ == "__main__":
    run(sys.argv[1])
