"""The example's small network, as a PyTorch module; python/train_simple_net.py trains it."""

from torch import Tensor, nn


class SimpleNet(nn.Module):
    """10 features in, 1 number out."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)
