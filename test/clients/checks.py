"""What the client scripts share: named checks, whose outcome is printed as one JSON line each."""

import asyncio
import inspect
import json
import sys
import traceback

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def expect(actual, expected):
    if actual != expected:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")


def raises(error_class, call, text=""):
    """The error that `call` must raise, with `text` in it."""
    try:
        call()
    except error_class as error:
        if text not in str(error):
            raise AssertionError(f"expected {text!r} in {error}") from error
        return error
    raise AssertionError(f"{error_class.__name__} was not raised")


def report(name, error=None):
    print(json.dumps({"check": name, "error": error}), flush=True)


def run(*arguments):
    """Runs every check with `arguments`."""
    for function in CHECKS:
        try:
            result = function(*arguments)
            if inspect.isawaitable(result):
                asyncio.run(result)
            report(function.__name__)
        except Exception:  # noqa: BLE001
            report(function.__name__, traceback.format_exc(limit=-3))
    sys.stdout.flush()
