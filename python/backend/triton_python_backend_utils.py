"""What models import as `triton_python_backend_utils`: the names of Triton's Python backend, served by conch."""

import enum as _enum
import sys as _sys

import numpy as _np
from conch_backend import log as _log
from conch_backend import metrics as _metrics
from conch_backend import requests as _requests
from conch_backend import responses as _responses
from conch_backend.calls import current_calls as _current_calls
from conch_backend.config import (
    ModelConfig,
    get_input_config_by_name,
    get_output_config_by_name,
    using_decoupled_model_transaction_policy,
)
from conch_backend.errors import TritonError, TritonModelException
from conch_backend.log import Logger
from conch_backend.metrics import MetricFamily
from conch_backend.requests import InferenceRequest, InferenceTrace, PreferredMemory
from conch_backend.responses import InferenceResponse, InferenceResponseSender
from conch_backend.tensors import CONFIG_TYPES as TRITON_STRING_TO_NUMPY
from conch_backend.tensors import (
    Tensor,
    deserialize_bytes_tensor,
    numpy_to_triton_type,
    serialize_byte_tensor,
    triton_string_to_numpy,
    triton_to_numpy_type,
)

TRITONSERVER_REQUEST_FLAG_SEQUENCE_START = _requests.FLAG_SEQUENCE_START
TRITONSERVER_REQUEST_FLAG_SEQUENCE_END = _requests.FLAG_SEQUENCE_END
TRITONSERVER_RESPONSE_COMPLETE_FINAL = _responses.RESPONSE_COMPLETE_FINAL
TRITONSERVER_REQUEST_RELEASE_ALL = _requests.RELEASE_ALL
TRITONSERVER_REQUEST_RELEASE_RESCHEDULE = _requests.RELEASE_RESCHEDULE


class MemoryType(_enum.IntEnum):
    TRITONSERVER_MEMORY_CPU = 0
    TRITONSERVER_MEMORY_GPU = 2


TRITONSERVER_MEMORY_CPU = MemoryType.TRITONSERVER_MEMORY_CPU
TRITONSERVER_MEMORY_GPU = MemoryType.TRITONSERVER_MEMORY_GPU


def get_input_tensor_by_name(inference_request, name):
    """The request's input of that name; None without one."""
    return next((tensor for tensor in inference_request.inputs() if tensor.name() == name), None)


def get_output_tensor_by_name(inference_response, name):
    """The response's output of that name; None without one."""
    return next((tensor for tensor in inference_response.output_tensors() if tensor.name() == name), None)


def get_model_dir():
    """The folder of the model's version."""
    return _log.model_dir


def load_model(model_name, config="", files=None):
    """Loads a model, where the server's control mode is explicit; raises TritonModelException.

    `files` are contents (bytes) by `file:<path below the model's folder>`; they stand in for the whole folder, and
    `config`, a configuration as JSON, is mandatory then.
    """
    if files is not None and not isinstance(files, dict):
        raise TritonModelException(
            f"load_model '{model_name}': files must be a dictionary of bytes by path, they are {type(files).__name__}"
        )
    described, contents = [], []
    for path, content in (files or {}).items():
        if not isinstance(path, str) or not isinstance(content, bytes):
            raise TritonModelException(f"load_model '{model_name}': file {path!r}: paths are str and contents bytes")
        contents.append((described, Tensor(path, _np.frombuffer(content, dtype=_np.uint8))))
    _current_calls().ask("load", contents, model=model_name, config=config, files=described)


def unload_model(model_name, unload_dependents=False):
    """Unloads a model, where the server's control mode is explicit; raises TritonModelException."""
    _current_calls().ask("unload", model=model_name, dependents=bool(unload_dependents))


def is_model_ready(model_name, model_version=""):
    return bool(_current_calls().ask("is_ready", model=model_name, version=str(model_version)))


# Triton has the compiled half of these names in a module of its own.
_sys.modules.setdefault("c_python_backend_utils", _sys.modules[__name__])
