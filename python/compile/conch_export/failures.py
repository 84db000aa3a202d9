"""Turns exceptions into what conch shows: the stage, the message, and the last frame in the user's own files."""

import re
import traceback
from pathlib import Path

ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Refused(Exception):
    """What the user can repair, found by conch rather than by PyTorch; `code` is conch's."""

    def __init__(self, message: str, fix: str, code: str = "MODULE_FAILED"):
        super().__init__(message)
        self.fix = fix
        self.code = code


def chain(error: BaseException) -> "list[BaseException]":
    """An exception and those that caused it, the first cause last."""
    seen: "list[BaseException]" = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return seen


def frame_of(errors: "list[BaseException]", folder: Path) -> "dict | None":
    """The innermost frame in a file below `folder`, of the first cause that has one."""
    for error in reversed(errors):
        if isinstance(error, SyntaxError) and error.filename and is_own(error.filename, folder):
            return {"file": error.filename, "line": error.lineno, "function": None, "text": (error.text or "").strip()}
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if is_own(frame.filename, folder):
                return {"file": frame.filename, "line": frame.lineno, "function": frame.name, "text": frame.line}
    return None


def is_own(filename: str, folder: Path) -> bool:
    path = Path(filename)
    return path.is_absolute() and path.is_relative_to(folder) and "site-packages" not in path.parts


def describe(error: BaseException, stage: str, folder: Path) -> dict:
    if isinstance(error, Refused):
        return {"stage": stage, "code": error.code, "message": str(error), "fix": error.fix, "frame": None}
    errors = chain(error)
    frame = frame_of(errors, folder)
    # Exporters wrap what went wrong into pages of advice.
    root = errors[-1] if len(errors) > 1 and stage in ("onnx", "torchscript") else error
    lines = [line.strip() for line in ANSI.sub("", str(root)).splitlines() if line.strip()]
    return {
        "stage": stage,
        "code": "MODULE_FAILED",
        "kind": type(root).__name__,
        "message": " ".join(lines[:3])[:600],
        "missing": root.name if isinstance(root, ModuleNotFoundError) else None,
        "frame": frame,
    }
