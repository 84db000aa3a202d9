"""Framed messages over a socket: JSON and small tensors in the frame, large ones in files of shared memory.

A frame is a 16-byte head (u32 length of the JSON, u32 zero, u64 length of the tensors), the JSON, padded with spaces to
a multiple of 8, and the tensors, each padded to a multiple of 8. A tensor is described by its name, type, shape, number
of bytes, and either its `offset` behind the JSON or, with `at`, its place in the file that the message names.
"""

import collections
import json
import mmap
import os
import struct
import threading
import time

from .tensors import Tensor

HEAD = struct.Struct("<IIQ")
# Files that the other side has not taken yet; beyond these a sender waits.
MOST_FILES = 16


class Closed(Exception):
    """The other side is gone."""


class Channel:
    """One end. `send` may be called from any thread, `receive` from one."""

    def __init__(self, socket, folder, threshold):
        self._socket = socket
        self._folder = folder
        self._threshold = threshold
        self._lock = threading.Lock()
        self._sent = 0
        self._files = []
        self._later = collections.deque()

    def later(self, message):
        """Sends it before the next message; for `__del__`, which may run in the midst of `send`."""
        self._later.append(message)

    def send(self, message, tensors=()):
        """`tensors` are pairs of a list that takes their descriptions, and a Tensor."""
        with self._lock:
            while self._later:
                self._write_frame(self._later.popleft(), [], 0)
            inline, large = [], []
            for described, tensor in tensors:
                datatype, data = tensor.wire()
                size = len(data)
                entry = {"name": tensor.name(), "datatype": datatype, "shape": tensor.shape(), "bytes": size}
                described.append(entry)
                (large if self._folder and size > self._threshold else inline).append((entry, data))
            if large:
                file = self._write_file(large)
                if file:
                    message["file"] = file
                else:
                    inline += large
            parts, total = [], 0
            for entry, data in inline:
                entry["offset"] = total
                padding = -entry["bytes"] % 8
                parts += [data, b"\0" * padding] if padding else [data]
                total += entry["bytes"] + padding
            self._write_frame(message, parts, total)

    def _write_frame(self, message, parts, total):
        text = json.dumps(message, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        parts = [HEAD.pack(len(text), 0, total), text, *parts]
        try:
            if total < 1 << 16:
                self._socket.sendall(b"".join(parts))
            else:
                for part in parts:
                    self._socket.sendall(part)
        except OSError as error:
            raise Closed() from error

    def receive(self):
        """The next message and a function that makes a Tensor of a description; raises Closed."""
        length, _, total = HEAD.unpack(self._read(HEAD.size))
        message = json.loads(bytes(self._read(length)))
        payload = memoryview(self._read(total)) if total else memoryview(b"")
        mapped = self._map(message["file"]) if message.get("file") else None

        def tensor(entry):
            source, start = (mapped, entry["at"]) if "at" in entry else (payload, entry["offset"])
            buffer = memoryview(source)[start : start + entry["bytes"]]
            return Tensor.from_wire(entry["name"], entry["datatype"], entry["shape"], buffer)

        return message, tensor

    def _read(self, size):
        buffer = bytearray(size)
        view = memoryview(buffer)
        done = 0
        while done < size:
            try:
                count = self._socket.recv_into(view[done:])
            except OSError as error:
                raise Closed() from error
            if count == 0:
                raise Closed()
            done += count
        return buffer

    def _map(self, name):
        path = os.path.join(self._folder, name)
        with open(path, "r+b") as file:
            mapped = mmap.mmap(file.fileno(), 0)
        os.unlink(path)
        return mapped

    def _write_file(self, large):
        """The name of a new file with all of `large`; None when there is no room for it."""
        while len(self._files) >= MOST_FILES:
            self._files = [path for path in self._files if os.path.exists(path)]
            if len(self._files) >= MOST_FILES:
                time.sleep(0.001)
        self._sent += 1
        name = f"p{self._sent}"
        path = os.path.join(self._folder, name)
        try:
            with open(path, "xb", buffering=0) as file:
                at = 0
                for entry, data in large:
                    file.seek(at)
                    view = memoryview(data)
                    while view:
                        view = view[file.write(view) :]
                    entry["at"] = at
                    at += entry["bytes"] + -entry["bytes"] % 64
        except OSError:
            for entry, _ in large:
                entry.pop("at", None)
            if os.path.exists(path):
                os.unlink(path)
            return None
        self._files.append(path)
        return name
