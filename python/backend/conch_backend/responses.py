"""Responses and how models send them."""

import json
import threading

from .errors import TritonError, TritonModelException
from .tensors import Tensor

RESPONSE_COMPLETE_FINAL = 1


def checked_parameters(parameters):
    """A dictionary of texts, numbers and truth values, as Triton takes them; raises TritonModelException."""
    if parameters is not None and not isinstance(parameters, dict):
        raise TritonModelException(f"parameters are a dictionary, not {type(parameters).__name__}")
    for key, value in (parameters or {}).items():
        if not isinstance(key, str) or not isinstance(value, (bool, int, str)):
            raise TritonModelException(
                f"parameter {key!r}: names are str and values bool, int or str, this is {type(value).__name__}"
            )
    return dict(parameters or {})


def parameters_to_wire(parameters):
    """Each with its type, and numbers as texts, which JavaScript would round."""
    wire = {}
    for key, value in parameters.items():
        if isinstance(value, bool):
            wire[key] = ["b", value]
        elif isinstance(value, int):
            wire[key] = ["i", str(value)]
        else:
            wire[key] = ["s", value]
    return wire


def parameters_from_wire(wire):
    convert = {"b": bool, "i": int, "d": float, "s": str}
    return {key: convert[kind](value) for key, (kind, value) in (wire or {}).items()}


class InferenceResponse:
    """Output tensors, or an error in their place."""

    def __init__(self, output_tensors=None, error=None, parameters=None):
        self._tensors = list(output_tensors or [])
        for tensor in self._tensors:
            if not isinstance(tensor, Tensor):
                raise TypeError(f"InferenceResponse: output_tensors must be Tensors, one is {type(tensor).__name__}")
        if error is not None and not isinstance(error, TritonError):
            raise TypeError(f"InferenceResponse: error must be a TritonError, it is {type(error).__name__}")
        self._error = error
        self._parameters = checked_parameters(parameters)

    def output_tensors(self):
        return self._tensors

    def has_error(self):
        return self._error is not None

    def error(self):
        return self._error

    def set_parameters(self, parameters):
        """Of a response that came from the server, whose values may be of other types too."""
        self._parameters = parameters

    def parameters(self):
        return json.dumps(self._parameters, separators=(",", ":"))

    def wire(self, wanted, tensors):
        """For the channel; appends the outputs among `wanted` to `tensors`, pairs of list and Tensor."""
        if self._error is not None:
            return {"error": self._error.wire()}
        outputs = []
        tensors += [(outputs, tensor) for tensor in self._tensors if tensor.name() in wanted]
        return {"outputs": outputs, "parameters": parameters_to_wire(self._parameters)}


class InferenceResponseSender:
    """Answers one request, from any thread, also after `execute` has returned."""

    def __init__(self, worker, run, index, wanted, cancelled):
        self._worker, self._run, self._index, self._wanted = worker, run, index, wanted
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._sent = 0
        self._closed = False

    def send(self, response=None, flags=0):
        if flags not in (0, RESPONSE_COMPLETE_FINAL):
            raise TritonModelException(f"send: {flags!r} is no flag; it takes 0 and TRITONSERVER_RESPONSE_COMPLETE_FINAL")
        if response is None and flags == 0:
            raise TritonModelException("send: without a response, the flag TRITONSERVER_RESPONSE_COMPLETE_FINAL is needed")
        if response is not None and not isinstance(response, InferenceResponse):
            raise TypeError(f"send takes an InferenceResponse, not {type(response).__name__}")
        with self._lock:
            self.claim(response, flags)
            tensors = []
            wire = response.wire(self._wanted, tensors) if response is not None else None
            message = {"kind": "send", "run": self._run, "index": self._index, "response": wire, "final": flags == 1}
            self._worker.channel.send(message, tensors)

    def claim(self, response, flags):
        """Notes that a response goes out; raises TritonModelException when none may."""
        if self._closed:
            raise TritonModelException("the request has been answered: its sender is closed")
        if not self._worker.decoupled:
            if response is not None and self._sent > 0:
                raise TritonModelException("a model that is not decoupled gives one response to a request, this is another")
            if response is None and self._sent == 0:
                raise TritonModelException("a model that is not decoupled must give a response before the final flag")
        self._sent += response is not None
        self._closed = flags == RESPONSE_COMPLETE_FINAL

    def close(self):
        self._closed = True

    @property
    def unused(self):
        return self._sent == 0 and not self._closed

    def is_cancelled(self):
        return self._cancelled.is_set()
