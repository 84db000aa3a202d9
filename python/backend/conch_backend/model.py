"""Finds the class to run: a model.py's TritonPythonModel, or the one that serves a TorchScript file."""

import importlib.util
import os
import sys
import types

from .errors import TritonModelException


def load_model_class(start):
    if start["runs"] == "torchscript":
        from .torchscript import TorchScriptModel

        return lambda: TorchScriptModel(start["path"])
    path = start["path"]
    version = os.path.dirname(path)
    sys.path += [version, os.path.dirname(version)]
    package = types.ModuleType(os.path.basename(version))
    package.__path__ = [version]
    sys.modules[package.__name__] = package
    name = f"{package.__name__}.{os.path.splitext(os.path.basename(path))[0]}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    # Before it runs: dataclasses and pickle look modules up by name.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    if not hasattr(module, "TritonPythonModel"):
        raise TritonModelException(f"{path} has no class TritonPythonModel")
    return module.TritonPythonModel


def missing_module(error):
    """The first part of the name of a module that could not be found."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return error.name.partition(".")[0]
    return None
