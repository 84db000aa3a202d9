"""Copies a checkpoint with its weights as torch.save writes them, for bench/compile.ts: `pickled_checkpoint.py FROM TO zip|stream`."""

import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

source, target, form = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
target.mkdir(parents=True)
shutil.copy(source / "config.json", target)
state = load_file(source / "model.safetensors")
torch.save(state, target / "pytorch_model.bin", _use_new_zipfile_serialization=form == "zip")
