"""Requests: those that a model gets, and those that it makes."""

import json
import threading

from .calls import current_calls
from .errors import TritonModelException
from .responses import InferenceResponseSender, checked_parameters, parameters_from_wire, parameters_to_wire

FLAG_SEQUENCE_START = 1
FLAG_SEQUENCE_END = 2
RELEASE_ALL = 1
RELEASE_RESCHEDULE = 2


class PreferredMemory:
    """Where a model wants the outputs of a call. All are in the processor's memory here."""

    def __init__(self, preferred_memory_type, preferred_device_id=0):
        self.preferred_memory_type, self.preferred_device_id = preferred_memory_type, preferred_device_id


class InferenceTrace:
    def __init__(self, context=None):
        self._context = context

    def get_context(self):
        return self._context


class InferenceRequest:
    """A request of a client, or one that a model makes of another model (then `exec` runs it)."""

    def __init__(
        self,
        request_id="",
        correlation_id=0,
        inputs=None,
        requested_output_names=None,
        model_name=None,
        model_version=-1,
        flags=0,
        timeout=0,
        preferred_memory=None,
        trace=None,
        parameters=None,
    ):
        if inputs is None or requested_output_names is None or model_name is None:
            raise TypeError("InferenceRequest needs inputs, requested_output_names and model_name")
        for name, value, kind in (
            ("request_id", request_id, str),
            ("model_name", model_name, str),
            ("model_version", model_version, int),
            ("flags", flags, int),
            ("timeout", timeout, int),
        ):
            if not isinstance(value, kind):
                raise TypeError(f"InferenceRequest: {name} is of type {kind.__name__}, not {type(value).__name__}")
        if not isinstance(correlation_id, (int, str)):
            raise TritonModelException(f"correlation_id must be int or str, it is {type(correlation_id).__name__}")
        if any(tensor is None for tensor in inputs) or any(name == "" for name in requested_output_names):
            raise TritonModelException(f"the request for model '{model_name}' has an empty input or output name")
        self._id, self._correlation_id, self._inputs = request_id, correlation_id, list(inputs)
        self._outputs, self._model_name, self._model_version = set(requested_output_names), model_name, model_version
        self._output_order = list(dict.fromkeys(requested_output_names))
        self._flags, self._timeout, self._parameters = flags, timeout, checked_parameters(parameters)
        self._trace = trace or InferenceTrace()
        self._cancelled = threading.Event()
        self._sender = None

    @classmethod
    def from_wire(cls, worker, run, index, wire, tensor):
        request = cls.__new__(cls)
        request._id, request._correlation_id = wire["id"], wire["correlation"]
        if isinstance(request._correlation_id, list):
            request._correlation_id = int(request._correlation_id[0])
        request._inputs = [tensor(entry) for entry in wire["inputs"]]
        request._outputs, request._output_order = set(wire["outputs"]), wire["outputs"]
        request._model_name, request._model_version = worker.args["model_name"], int(worker.args["model_version"])
        request._flags, request._timeout = wire["flags"], wire["timeout"]
        request._parameters = parameters_from_wire(wire["parameters"])
        request._trace = InferenceTrace()
        request._cancelled = threading.Event()
        if wire["cancelled"]:
            request._cancelled.set()
        request._sender = InferenceResponseSender(worker, run, index, request._outputs, request._cancelled)
        request.sender_taken = False
        request.release_flags = RELEASE_ALL
        return request

    def inputs(self):
        return self._inputs

    def request_id(self):
        return self._id

    def correlation_id(self):
        return self._correlation_id

    def model_name(self):
        return self._model_name

    def model_version(self):
        return self._model_version

    def requested_output_names(self):
        return set(self._outputs)

    def flags(self):
        return self._flags

    def set_flags(self, flags):
        self._flags = flags

    def timeout(self):
        """In microseconds; 0 for none."""
        return self._timeout

    def parameters(self):
        return json.dumps(self._parameters, separators=(",", ":"))

    def trace(self):
        return self._trace

    def is_cancelled(self):
        return self._cancelled.is_set()

    def set_release_flags(self, flags):
        """RELEASE_RESCHEDULE gives the request back, to be executed again in a later batch (iterative sequences)."""
        if flags not in (RELEASE_ALL, RELEASE_RESCHEDULE):
            raise TritonModelException(f"set_release_flags: {flags!r} is no flag for it")
        self.release_flags = flags

    def get_response_sender(self):
        if self._sender is None:
            raise TritonModelException("only a request that came to the model has a response sender")
        self.sender_taken = True
        return self._sender

    def exec(self, decoupled=False):
        """Runs it and waits: an InferenceResponse, or an iterator over them with `decoupled`."""
        return current_calls().infer(self, decoupled)

    def async_exec(self, decoupled=False):
        """The same as something to await."""
        return current_calls().async_infer(self, decoupled)

    def call_wire(self, tensors):
        inputs = []
        tensors += [(inputs, tensor) for tensor in self._inputs]
        correlation = self._correlation_id
        return {
            "id": self._id,
            "correlation": [str(correlation)] if isinstance(correlation, int) else correlation,
            "inputs": inputs,
            "outputs": self._output_order,
            "model": self._model_name,
            "version": self._model_version,
            "flags": self._flags,
            "timeout": self._timeout,
            "parameters": parameters_to_wire(self._parameters),
        }
