"""Prints as JSON which Python this is and which versions of the packages named as arguments it has; imports none of them."""

import importlib.metadata
import json
import platform
import sys


def version(name: str) -> "str | None":
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def has_venv() -> bool:
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return False
    return True


print(
    json.dumps(
        {
            "version": platform.python_version(),
            "executable": sys.executable,
            "venv": has_venv(),
            "packages": {name: version(name) for name in sys.argv[1:]},
        }
    )
)
