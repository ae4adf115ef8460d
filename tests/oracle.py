"""The oracle: MAML and its relatives for one task at a time, in plain torch, sharing no code."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Oracle:
    """One inner loop. `kind` is maml, anil, boil, scaled_lr, unit_norm or meta_sgd."""

    kind: str = "maml"
    first_order: bool = False
    inner_loss: str = "mean"
    adapt_batch_norm: bool = True
    per_filter: bool = False
    detach_norm: bool = False
    inductive: bool = False
    eps: float = 1e-5
    per_step: bool = False

    def adapt(self, slow: Weights, rates: Weights, x: Tensor, y: Tensor, steps: int) -> Weights:
        fast = dict(slow)
        for number in range(steps):
            loss = self.loss(fast, x, y)
            moving = [name for name in fast if self.moves(name)]
            gradients = torch.autograd.grad(
                loss, [fast[name] for name in moving], create_graph=not self.first_order
            )
            for name, gradient in zip(moving, gradients, strict=True):
                rate = rates[name]
                if self.per_step:
                    rate = rate[min(number, len(rate) - 1)]
                fast[name] = self.step(name, fast[name], gradient, rate)
        return fast

    def query_loss(self, fast: Weights, support: Tensor, x: Tensor, y: Tensor, way: int) -> Tensor:
        statistics = [] if not self.inductive else self.statistics(fast, support)
        logits = self.forward(fast, x, statistics)
        assert logits.shape == (len(x), way)
        return F.cross_entropy(logits, y)

    def loss(self, weights: Weights, x: Tensor, y: Tensor) -> Tensor:
        logits = self.forward(weights, x, [])
        if self.inner_loss == "mean":
            return F.cross_entropy(logits, y)
        shots = int((y == 0).sum())
        return F.cross_entropy(logits, y, reduction="sum") / shots

    def moves(self, name: str) -> bool:
        if name.startswith("head."):
            return self.kind != "boil"
        if self.kind == "anil":
            return False
        return self.adapt_batch_norm or not name.endswith((".gamma", ".beta"))

    def step(self, name: str, w: Tensor, g: Tensor, rate: Tensor) -> Tensor:
        if name.startswith("head.") or not name.endswith(".weight"):
            return w - rate * g
        if self.kind == "scaled_lr":
            return w - rate * self.norm(w) ** 2 * g
        if self.kind == "unit_norm":
            return (w - rate * g) / self.norm(w - rate * g)
        return w - rate * g

    def norm(self, w: Tensor) -> Tensor:
        if self.per_filter:
            norm = torch.stack([torch.linalg.vector_norm(one) for one in w]).view(-1, 1, 1, 1)
        else:
            norm = torch.linalg.vector_norm(w)
        return norm.detach() if self.detach_norm else norm

    def forward(self, w: Weights, x: Tensor, statistics: list[tuple[Tensor, Tensor]]) -> Tensor:
        for number in range(4):
            layer = f"conv{number + 1}"
            x = F.conv2d(x, w[f"{layer}.weight"], w[f"{layer}.bias"], padding=1)
            gamma, beta = w[f"{layer}.gamma"], w[f"{layer}.beta"]
            if statistics:
                mean, variance = statistics[number]
                normal = (x - mean) / (variance + self.eps).sqrt()
                x = normal * gamma.view(1, -1, 1, 1) + beta.view(1, -1, 1, 1)
            else:
                x = F.batch_norm(x, None, None, gamma, beta, training=True, eps=self.eps)
            x = F.max_pool2d(x.relu(), 2)
        return x.flatten(1) @ w["head.weight"].T + w["head.bias"]

    def statistics(self, w: Weights, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Mean and variance of every block's pre-activations, the blocks below normalised."""
        found: list[tuple[Tensor, Tensor]] = []
        for number in range(4):
            layer = f"conv{number + 1}"
            x = F.conv2d(x, w[f"{layer}.weight"], w[f"{layer}.bias"], padding=1)
            mean = x.mean(dim=(0, 2, 3), keepdim=True)
            variance = (x - mean).pow(2).mean(dim=(0, 2, 3), keepdim=True)
            found.append((mean, variance))
            normal = (x - mean) / (variance + self.eps).sqrt()
            gamma, beta = w[f"{layer}.gamma"], w[f"{layer}.beta"]
            x = F.max_pool2d((normal * gamma.view(1, -1, 1, 1) + beta.view(1, -1, 1, 1)).relu(), 2)
        return found
