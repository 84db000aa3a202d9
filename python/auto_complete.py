"""Runs a model's `auto_complete_config` outside of Triton, as the Python backend would before it loads the model.

    python3 auto_complete.py MODEL_PY < config.json

Reads the configuration as JSON from standard input and prints one line of JSON: `{"config": ...}` as the model returned
it, `{"missing": true}` when the model has no such function, or `{"error": ..., "line": ...}`. Whatever the model itself
prints goes to standard error. The names of `triton_python_backend_utils` that are of use to that function work; the
others can be named but not used.
"""

import importlib.util
import json
import os
import sys
import traceback
import types


class TritonModelException(Exception):
    """What models raise on purpose."""


class ModelConfig:
    """What `auto_complete_config` gets and must return. Every method refuses what contradicts the configuration."""

    def __init__(self, model_config):
        self._model_config = json.loads(model_config)

    def as_dict(self):
        return self._model_config

    def set_max_batch_size(self, max_batch_size):
        configured = self._model_config["max_batch_size"]
        if configured > max_batch_size:
            self._refuse(f"max_batch_size is {configured}, set_max_batch_size wants {max_batch_size}")
        self._model_config["max_batch_size"] = max_batch_size

    def set_dynamic_batching(self):
        for other in ("sequence_batching", "ensemble_scheduling"):
            if other in self._model_config:
                self._refuse(f"{other} is configured, which set_dynamic_batching cannot replace")
        self._model_config.setdefault("dynamic_batching", {})

    def add_input(self, input):
        self._add("input", input, ("name", "data_type", "dims"), ("optional",))

    def add_output(self, output):
        self._add("output", output, ("name", "data_type", "dims"), ())

    def set_model_transaction_policy(self, transaction_policy_dict):
        for key in transaction_policy_dict:
            if key != "decoupled":
                self._refuse(f"set_model_transaction_policy: {key!r} is not a key, only 'decoupled' is")
        policy = self._model_config.setdefault("model_transaction_policy", {})
        if "decoupled" not in transaction_policy_dict:
            return
        wanted = transaction_policy_dict["decoupled"]
        if policy.get("decoupled", wanted) != wanted:
            self._refuse(f"decoupled is {policy['decoupled']}, set_model_transaction_policy wants {wanted}")
        policy["decoupled"] = wanted

    def _add(self, side, tensor, required, optional):
        call = f"add_{side}"
        for key in tensor:
            if key not in required + optional:
                self._refuse(f"{call}: {key!r} is not a key of {side} {tensor.get('name', '')!r}")
        for key in required:
            if key not in tensor:
                self._refuse(f"{call}: {side} {tensor.get('name', '')!r} lacks {key!r}")
        name = tensor["name"]
        for configured in self._model_config[side]:
            if configured["name"] != name:
                continue
            known = {
                "data_type": configured["data_type"] != "TYPE_INVALID",
                "dims": bool(configured["dims"]),
                "optional": "optional" in configured,
            }
            for key in ("data_type", "dims") + optional:
                if key in tensor and known[key] and configured[key] != tensor[key]:
                    self._refuse(f"{side} {name!r}: {key} is {configured[key]}, {call} says {tensor[key]}")
            configured.update({key: tensor[key] for key in tensor if key != "name"})
            return
        self._model_config[side].append(tensor)

    def _refuse(self, what):
        raise ValueError(what)


def get_input_config_by_name(model_config, name):
    return _by_name(model_config, "input", name)


def get_output_config_by_name(model_config, name):
    return _by_name(model_config, "output", name)


def _by_name(model_config, side, name):
    return next((tensor for tensor in model_config.get(side, []) if tensor["name"] == name), None)


def using_decoupled_model_transaction_policy(model_config):
    return model_config.get("model_transaction_policy", {}).get("decoupled", False)


class Logger:
    """Triton's log, on standard error."""

    @staticmethod
    def log(message, level=None):
        print(message, file=sys.stderr)

    log_info = log_warn = log_error = log_verbose = log


class _Unusable(type):
    """A class of the running backend: it can be named, inherited from and looked into, but not made."""

    def __call__(cls, *args, **kwargs):
        raise TritonModelException(f"pb_utils.{cls.__name__} works in the running backend only")

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Unusable(f"{cls.__name__}.{name}", (), {})


def _numpy_types():
    """NumPy's types by the configuration's names; models look them up while they are imported."""
    import numpy

    names = ("bool_", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
    types_by_name = {f"TYPE_{name.rstrip('_').upper()}": getattr(numpy, name) for name in names}
    types_by_name.update(TYPE_FP16=numpy.float16, TYPE_FP32=numpy.float32, TYPE_FP64=numpy.float64)
    types_by_name.update(TYPE_STRING=numpy.object_)
    return types_by_name


def triton_string_to_numpy(triton_type_string):
    return _numpy_types()[triton_type_string]


def backend_utils():
    """The module that models import as `pb_utils`."""
    module = types.ModuleType("triton_python_backend_utils")
    for value in (
        ModelConfig,
        TritonModelException,
        Logger,
        get_input_config_by_name,
        get_output_config_by_name,
        triton_string_to_numpy,
        using_decoupled_model_transaction_policy,
    ):
        setattr(module, value.__name__, value)

    def unusable(name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "TRITON_STRING_TO_NUMPY":
            return _numpy_types()
        return _Unusable(name, (), {})

    module.__getattr__ = unusable
    return module


def complete(path, config):
    """The answer for one model, as it is printed."""
    version = os.path.dirname(path)
    sys.path += [version, os.path.dirname(version)]
    sys.modules["triton_python_backend_utils"] = backend_utils()
    spec = importlib.util.spec_from_file_location(f"{os.path.basename(version)}.model", path)
    model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    found = getattr(model.TritonPythonModel, "auto_complete_config", None)
    if found is None:
        return {"missing": True}
    returned = found(ModelConfig(config))
    if not isinstance(returned, ModelConfig):
        return {"error": f"auto_complete_config must return the configuration, it returned {type(returned).__name__}"}
    return {"config": returned.as_dict()}


def main():
    # The answer goes where standard output went; prints of the model, and of libraries below Python, do not.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    path = os.path.abspath(sys.argv[1])
    config = sys.stdin.read()
    try:
        text = json.dumps(complete(path, config))
    except BaseException as error:  # A model may call sys.exit.
        traceback.print_exc()
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        line = frames[-1].lineno if frames else getattr(error, "lineno", None)
        text = json.dumps({"error": f"{type(error).__name__}: {error}", "line": line})
    with answer:
        answer.write(text + "\n")
    for stream in (sys.__stdout__, sys.__stderr__):
        stream.flush()
    # Threads that the model left running, and its exit handlers, must not keep the answer waiting.
    os._exit(0)


if __name__ == "__main__":
    main()
