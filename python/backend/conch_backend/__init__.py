"""The Python side of conch's Python backend: one process for each instance of a model, driven over a socket."""
