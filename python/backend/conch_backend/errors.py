"""What goes wrong in models."""

import traceback

CODES = ("UNKNOWN", "INTERNAL", "NOT_FOUND", "INVALID_ARG", "UNAVAILABLE", "UNSUPPORTED", "ALREADY_EXISTS", "CANCELLED")


class TritonModelException(Exception):
    """What the backend raises into a model, and models raise on purpose."""


class TritonError:
    """A response's error: a text and one of Triton's codes."""

    UNKNOWN, INTERNAL, NOT_FOUND, INVALID_ARG, UNAVAILABLE, UNSUPPORTED, ALREADY_EXISTS, CANCELLED = range(8)

    def __init__(self, message, code=INTERNAL):
        if not isinstance(message, str):
            raise TypeError(f"TritonError takes a text, not {type(message).__name__}")
        if code not in range(len(CODES)):
            raise TypeError(f"TritonError: {code!r} is not one of its codes")
        self._message = message
        self._code = int(code)

    def message(self):
        return self._message

    def code(self):
        return self._code

    def wire(self):
        return {"message": self._message, "code": CODES[self._code]}


def told(error):
    """An exception with the places of the model that it passed, the innermost first."""
    text = f"{type(error).__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "conch_backend" not in frame.filename]
    if own:
        text += "\n\nAt:\n" + "\n".join(f"  {f.filename}({f.lineno}): {f.name}" for f in reversed(own[-20:]))
    return text
