"""The optimiser of a stack takes the steps of torch's AdamW for each network."""

import torch
from torch import nn

from quarva.networks import Learner
from quarva.networks.training.optimiser import Optimiser

from .conftest import FEATURES

RATES, DECAYS = (1e-3, 3e-2, 0.5), (0.0, 0.1, 1.0)


def test_each_network_takes_the_steps_of_torchs_adamw():
    source = torch.Generator().manual_seed(0)
    stacked = [torch.randn(3, *shape, generator=source, requires_grad=True) for shape in ((4, 2), (5,), ())]
    alone = [[nn.Parameter(each[m].detach().clone()) for each in stacked] for m in range(3)]
    theirs = [
        torch.optim.AdamW(each, rate, weight_decay=decay)
        for each, rate, decay in zip(alone, RATES, DECAYS, strict=True)
    ]
    mine = Optimiser(stacked, torch.tensor(RATES), torch.tensor(DECAYS))

    def loss(weights):
        return sum(((each - 0.3) ** 4).sum() for each in weights)

    for step in range(60):
        if step == 30:  # taken up again
            state = mine.state()
            mine = Optimiser(stacked, torch.tensor(RATES), torch.tensor(DECAYS))
            mine.restore(state)
        mine.zero_grad()
        loss(stacked).backward()
        mine.step()
        for optimiser, weights in zip(theirs, alone, strict=True):
            optimiser.zero_grad()
            loss(weights).backward()
            optimiser.step()
    for k, each in enumerate(stacked):
        want = torch.stack([weights[k].detach() for weights in alone])
        torch.testing.assert_close(each.detach(), want, rtol=1e-5, atol=1e-6)


def test_a_weight_without_a_gradient_does_not_change():
    still, moved = (torch.ones(2, 3, requires_grad=True) for _ in range(2))
    optimiser = Optimiser([still, moved], torch.full((2,), 0.1), torch.full((2,), 0.1))
    (moved**2).sum().backward()
    optimiser.step()
    assert bool((still == 1).all())
    assert bool((moved < 1).all())


class Fragile(nn.Module):
    """Gives no number once its seed's weight has grown past what the seed bears."""

    layout = "features"

    def __init__(self, features, length, outputs):
        super().__init__()
        self.body = nn.Linear(features * length, outputs)
        self.grown = nn.Parameter(torch.ones(()))
        self.limit = nn.Parameter(torch.rand(()) + 1.0)

    def forward(self, windows):
        grown = self.grown + self.limit * 0
        return self.body(windows) + torch.sqrt(self.limit.detach() - grown.detach()) * 0 - grown * 1e-3


def test_a_diverging_network_does_not_affect_the_others(task):
    given = {"features": FEATURES, "length": 4, "epochs": 12, "rate": 3e-2, "batch": 256, "decay": 0.0,
             "patience": 99}  # fmt: skip
    fitted = Learner(Fragile, members=4, **given).fit(task)
    alone = [Learner(Fragile, **given | {"seed": seed}).fit(task) for seed in range(4)]
    lost = [each.ended == "diverged" for each in alone]
    assert 0 < sum(lost) < 4, lost
    assert fitted.ended in ("patience", "epochs")
    assert sum("networks became NaN or infinite in epoch" in note for note in fitted.notes) >= 1
    assert all(torch.isfinite(each).all() for each in fitted.stack.all_weights().values())
    assert fitted.history.notna().to_numpy().all()
    assert len(fitted.history) == 12
