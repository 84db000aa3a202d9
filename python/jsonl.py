"""JSON lines with float32 numbers printed by their shortest exact form."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np


def short(values: Any) -> Any:
    """Nested lists of Python floats that print as the shortest decimal that reads back as the same float32."""
    array = np.asarray(values)
    if array.dtype.kind != "f":
        return array.tolist()
    if array.ndim == 0:
        return float(np.format_float_positional(np.float32(array), unique=True, trim="0"))
    return [short(item) for item in array]


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """All lines of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """One compact object a line, in UTF-8. U+2028 and U+2029 are escaped: some readers split lines on them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    text = "".join(line.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029") + "\n" for line in lines)
    path.write_text(text, "utf-8")
