"""The server's log, for models."""

import enum
import sys

# Set by the worker: where lines go, and what `get_model_dir` answers.
tell = None
model_dir = ""


class LogLevel(enum.IntEnum):
    INFO = 0
    WARNING = 1
    ERROR = 2
    VERBOSE = 3


class Logger:
    LogLevel = LogLevel
    INFO, WARNING, ERROR, VERBOSE = LogLevel

    @staticmethod
    def log(message, level=LogLevel.INFO):
        _log(message, LogLevel(level))

    @staticmethod
    def log_info(message):
        _log(message, LogLevel.INFO)

    @staticmethod
    def log_warn(message):
        _log(message, LogLevel.WARNING)

    @staticmethod
    def log_error(message):
        _log(message, LogLevel.ERROR)

    @staticmethod
    def log_verbose(message):
        _log(message, LogLevel.VERBOSE)


def _log(message, level):
    if not isinstance(message, str):
        raise TypeError(f"the log takes texts, not {type(message).__name__}")
    place = sys._getframe(2)
    where = f"{place.f_code.co_filename}:{place.f_lineno}"
    if tell is None:
        print(f"{level.name} {where}: {message}", file=sys.stderr)
    else:
        tell({"kind": "log", "level": level.name.lower(), "message": message, "where": where})
