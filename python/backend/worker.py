"""Runs one instance of a model; started by conch with a socket as file descriptor 3.

    python3 worker.py SHARED_MEMORY_FOLDER THRESHOLD

Without a folder ('') all tensors travel in the frames. The first message says what to run. Standard output and error
belong to the model. The process ends when it is told to, or when the other end of the socket is gone.
"""

import os
import shutil
import signal
import socket
import sys


def gone(folder):
    """The server is gone: nothing of this must stay, nor of what the model started."""
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def main():
    folder, threshold = sys.argv[1], int(sys.argv[2])
    # Ctrl-C is the server's to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end = socket.socket(fileno=3)
    end.set_inheritable(False)
    sys.argv[:] = [sys.argv[0]]
    try:
        import numpy
    except ImportError as error:
        # The channel needs numpy itself, so that this one message is made by hand.
        import json
        import struct

        text = json.dumps({"kind": "refused", "reason": "numpy", "message": str(error), "trace": ""}).encode()
        end.sendall(struct.pack("<IIQ", len(text), 0, 0) + text)
        os._exit(0)
    from conch_backend.channel import Channel
    from conch_backend.worker import Worker

    Worker(Channel(end, folder, threshold), lambda: gone(folder)).serve()


if __name__ == "__main__":
    main()
