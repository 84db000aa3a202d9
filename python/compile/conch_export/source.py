"""Imports a Python file and makes its nn.Module; relates the inputs of a deployment to the arguments of `forward`."""

import importlib.util
import inspect
import sys
from pathlib import Path

import torch
from torch import nn

from .failures import Refused


def import_file(path: Path):
    """The file as a module under its own name, with its folder on the path, so that it finds its neighbours."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def choose_class(module, name: "str | None", path: Path):
    """What makes the nn.Module: the class (or function) of that name, or the only nn.Module that the file defines."""
    own = {
        key: value
        for key, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, nn.Module) and value.__module__ == module.__name__
    }
    listed = ", ".join(own) or "none"
    if name is None:
        if len(own) == 1:
            return next(iter(own.values()))
        raise Refused(f"{path} defines {len(own)} modules: {listed}", f"name one: {path.name}:ClassName")
    found = getattr(module, name, None)
    if found is None:
        raise Refused(f"{path} has no {name}; the modules it defines: {listed}", "name one of those that it defines")
    return found


def make_module(factory, args: dict, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    made = factory if isinstance(factory, nn.Module) else factory(**args)
    if isinstance(made, nn.Module):
        return made
    raise Refused(f"{getattr(factory, '__name__', factory)} makes a {type(made).__name__}, expected an nn.Module",
                  "name a class that extends torch.nn.Module, or a function that returns one")  # fmt: skip


def load_weights(module: nn.Module, path: Path) -> None:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        state = load_file(path)
    else:
        # weights_only executes nothing that is in the file.
        state = torch.load(path, map_location="cpu", weights_only=True)
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise Refused(f"{path} does not fit {type(module).__name__}: {error}", "name the state dict of this class") from None


def forward_arguments(module: nn.Module) -> "list[inspect.Parameter]":
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [one for one in inspect.signature(module.forward).parameters.values() if one.kind in positional]


def argument_order(module: nn.Module, names: "list[str]") -> "tuple[list[str], bool]":
    """The inputs in the order of `forward`'s arguments, and whether they carry their names."""
    arguments = forward_arguments(module)
    known = [one.name for one in arguments]
    signature = f"forward({', '.join(known)})"
    if len(names) > len(known) and not takes_any(module):
        raise Refused(f"{len(names)} inputs are given, but {signature} takes {len(known)}",
                      "give `inputs` one entry for each argument of forward")  # fmt: skip
    by_name = set(names) <= set(known)
    order = [name for name in known if name in names] if by_name else names
    unfed = [one.name for one in arguments[len(order):] if one.default is inspect.Parameter.empty]
    skipped = [name for name in known[: len(order)] if by_name and name not in names]
    if unfed or skipped:
        raise Refused(f"{signature} has no input for {', '.join(skipped or unfed)}",
                      "give `inputs` one entry for each argument without a default, and leave out only the last ones")  # fmt: skip
    return order, by_name


def takes_any(module: nn.Module) -> bool:
    parameters = inspect.signature(module.forward).parameters.values()
    return any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters)
