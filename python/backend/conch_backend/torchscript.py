"""Serves a TorchScript file as Triton's PyTorch backend does: inputs by name or position, one run for a whole batch."""

import json
import re

import numpy as np
import torch

from .errors import TritonError, TritonModelException
from .responses import InferenceResponse
from .tensors import Tensor

NUMBERED = re.compile(r".*__(\d+)$")


class TorchScriptModel:
    def __init__(self, path):
        self._path = path

    def initialize(self, args):
        config = json.loads(args["model_config"])
        parameters = {key: value["string_value"] for key, value in config.get("parameters", {}).items()}
        self._set_threads(parameters)
        self._inference_mode = _flag(parameters, "INFERENCE_MODE", True)
        torch.jit.set_fusion_strategy([("DYNAMIC", 2)])
        if _flag(parameters, "DISABLE_OPTIMIZED_EXECUTION", False):
            torch._C._jit_set_profiling_executor(False)
            torch._C._set_graph_executor_optimize(False)
        self._module = torch.jit.load(self._path, map_location="cpu").eval()
        self._batched = config["max_batch_size"] > 0
        arguments = [argument.name for argument in self._module.forward.schema.arguments][1:]
        self._positions = _positions([one["name"] for one in config["input"]], arguments)
        self._outputs = _numbered([one["name"] for one in config["output"]])
        if self._outputs is None:
            self._outputs = {one["name"]: index for index, one in enumerate(config["output"])}

    def execute(self, requests):
        if not self._batched or len(requests) == 1:
            return [self._answers([request], [request.inputs()], None)[0] for request in requests]
        sizes = [request.inputs()[0].shape()[0] for request in requests]
        return self._answers(requests, [request.inputs() for request in requests], sizes)

    def _answers(self, requests, inputs, sizes):
        """One response for each request; `sizes` are their rows, None where there is but one request."""
        arguments, named = {}, {}
        for column in zip(*inputs):
            name = column[0].name()
            value = self._argument(column)
            if isinstance(self._positions[name], str):
                named[self._positions[name]] = value
            else:
                arguments[self._positions[name]] = value
        positional = [arguments[index] for index in sorted(arguments)]
        try:
            with torch.inference_mode(self._inference_mode):
                with torch.set_grad_enabled(not self._inference_mode and torch.is_grad_enabled()):
                    returned = self._module(*positional, **named)
        except Exception as error:
            error = TritonError(f"the model failed: {error}")
            return [InferenceResponse(error=error) for _ in requests]
        results = list(returned) if isinstance(returned, tuple) else [returned]
        responses = []
        start = 0
        for index, request in enumerate(requests):
            end = None if sizes is None else start + sizes[index]
            responses.append(self._response(request, results, start, end))
            start = end
        return responses

    def _argument(self, column):
        if column[0].triton_dtype() == 13:
            return [text.decode() for tensor in column for text in tensor.as_numpy().ravel()]
        if column[0].triton_dtype() == 14:
            parts = [torch.from_dlpack(tensor) for tensor in column]
            return parts[0] if len(parts) == 1 else torch.cat(parts)
        arrays = [tensor.as_numpy() for tensor in column]
        return torch.from_numpy(arrays[0] if len(arrays) == 1 else np.concatenate(arrays))

    def _response(self, request, results, start, end):
        tensors = []
        # In the order of Triton's PyTorch backend, which keeps the outputs in a map by name.
        for name in sorted(request.requested_output_names()):
            position = self._outputs[name]
            if position >= len(results):
                return InferenceResponse(
                    error=TritonError(f"output '{name}' is result {position}, the model gives {len(results)}")
                )
            value = results[position]
            if isinstance(value, list):
                tensors.append(Tensor(name, np.array([text.encode() for text in value[start:end]], dtype=np.object_)))
            elif isinstance(value, torch.Tensor):
                tensors.append(_tensor(name, value if end is None else value[start:end]))
            else:
                kind = type(value).__name__
                return InferenceResponse(error=TritonError(f"result {position} is a {kind}; Triton takes tensors and lists of str"))
        return InferenceResponse(tensors)

    @staticmethod
    def _set_threads(parameters):
        for key, apply in (
            ("INTRA_OP_THREAD_COUNT", torch.set_num_threads),
            ("INTER_OP_THREAD_COUNT", torch.set_num_interop_threads),
        ):
            if key in parameters:
                if not parameters[key].isdigit() or int(parameters[key]) < 1:
                    raise TritonModelException(f"parameter {key} must be a whole number from 1, it is '{parameters[key]}'")
                apply(int(parameters[key]))


def _flag(parameters, key, standard):
    value = parameters.get(key, str(standard)).lower()
    if value not in ("true", "false"):
        raise TritonModelException(f"parameter {key} must be true or false, it is '{parameters[key]}'")
    return value == "true"


def _positions(names, arguments):
    """Where each input goes: an argument's name, or an index."""
    if all(name in arguments for name in names):
        return {name: name for name in names}
    return _numbered(names) or {name: index for index, name in enumerate(names)}


def _numbered(names):
    """The number behind `__` of each name; None unless all have one."""
    found = [NUMBERED.match(name) for name in names]
    return {name: int(match[1]) for name, match in zip(names, found)} if all(found) else None


def _tensor(name, value):
    value = value.detach().cpu().contiguous()
    if value.dtype == torch.bfloat16:
        return Tensor.from_wire(name, "BF16", value.shape, value.view(torch.int16).numpy().tobytes())
    return Tensor(name, value.numpy())
