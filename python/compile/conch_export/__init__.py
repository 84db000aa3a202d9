"""Exports an nn.Module to TorchScript and ONNX and compares both with it; `export_module.py` runs it."""
