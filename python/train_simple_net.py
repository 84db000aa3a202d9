"""Trains the example's small network and writes its weights and reference outputs to examples/simple_net/.

The task is a made-up regression. Ten features, each from a standard normal distribution, give

    y = 2 sin(x0) + x1 x2 - 0.5 |x3| + 0.8 max(x4, 0) + 0.1 (x5 + ... + x9) + noise,   noise ~ N(0, 0.05)

so that the network has to use its hidden layers. Run: python train_simple_net.py
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from jsonl import short, write_jsonl

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "simple_net"
SEED = 20260701

sys.path.insert(0, str(EXAMPLE))
from simple_net import SimpleNet  # noqa: E402


def target(x: Tensor) -> Tensor:
    """The function to learn, without its noise: [N, 10] -> [N, 1]."""
    y = 2 * x[:, 0].sin() + x[:, 1] * x[:, 2] - 0.5 * x[:, 3].abs() + 0.8 * x[:, 4].relu() + 0.1 * x[:, 5:].sum(1)
    return y.unsqueeze(1)


def train() -> SimpleNet:
    """40 epochs of Adam over 8,192 samples: a few seconds on one core."""
    torch.manual_seed(SEED)
    net = SimpleNet()
    x = torch.randn(8192, 10)
    y = target(x) + 0.05 * torch.randn(len(x), 1)
    epochs = 40
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            nn.functional.mse_loss(net(x[rows]), y[rows]).backward()
            optimizer.step()
        schedule.step()
    return net.eval()


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    with torch.enable_grad():
        net = train()
    EXAMPLE.mkdir(parents=True, exist_ok=True)
    save_file(net.state_dict(), EXAMPLE / "weights.safetensors", metadata={"format": "pt"})

    x = torch.randn(4096, 10)
    error = (net(x) - target(x)).square().mean() / target(x).var()
    print(f"unexplained variance on {len(x)} fresh samples: {error:.3f}")

    # Single rows, two batches, and the edges: all zeros, ones, far-out and tiny values.
    inputs = [*torch.randn(14, 1, 10), torch.randn(3, 10), torch.randn(8, 10)]
    inputs += [torch.zeros(1, 10), torch.ones(1, 10), torch.full((1, 10), -8.0), torch.full((1, 10), 1e-30)]
    rows = ({"inputs": {"x": short(x)}, "outputs": {"prediction": short(net(x))}} for x in inputs)
    write_jsonl(EXAMPLE / "expected.jsonl", rows)


if __name__ == "__main__":
    main()
