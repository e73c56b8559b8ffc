"""Losses equal their definitions in SciPy, day by day and for each network."""

import numpy as np
import pytest
import torch
from scipy import stats

from quarva.networks import LOSSES


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    day = np.repeat([3, 4, 9], [7, 5, 6])
    outputs, target = rng.normal(size=(2, len(day), 1)), rng.normal(size=len(day))
    return torch.tensor(outputs), torch.tensor(target), torch.tensor(day)


def daily(figure, outputs, target, day):
    return np.array([
        np.mean([figure(one[day == d, 0], target[day == d])[0] for d in np.unique(day)])
        for one in outputs.numpy()
    ])  # fmt: skip


def test_the_ic_loss_is_the_mean_daily_pearson_correlation(batch):
    want = 1 - daily(stats.pearsonr, batch[0], batch[1].numpy(), batch[2].numpy())
    np.testing.assert_allclose(LOSSES["ic"](*batch), want, rtol=1e-6)


def test_the_soft_rank_ic_approaches_spearman_for_distant_predictions(batch):
    outputs, target, day = batch
    ranked = torch.tensor(np.stack([stats.rankdata(one)[:, None] for one in outputs.numpy()]))
    want = 1 - daily(stats.spearmanr, ranked, target.numpy(), day.numpy())
    np.testing.assert_allclose(LOSSES["rank_ic"](ranked, target, day), want, atol=0.02)


def test_squared_errors_and_likelihoods_equal_their_definitions(batch):
    outputs, target, day = batch
    want = ((outputs[..., 0] - target) ** 2).mean(1)
    torch.testing.assert_close(LOSSES["mse"](outputs, target, day), want)
    logits, classes = torch.randn(2, len(day), 3, dtype=torch.float64), torch.randint(3, (len(day),))
    want = torch.stack([torch.nn.functional.cross_entropy(one, classes) for one in logits])
    torch.testing.assert_close(LOSSES["cross_entropy"](logits, classes.double(), day), want)


@pytest.mark.parametrize("name", ["mse", "huber", "ic", "rank_ic"])
def test_gradients_are_correct_and_independent_of_other_networks(batch, name):
    outputs, target, day = batch
    outputs = outputs.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: LOSSES[name](x, target, day), (outputs,))
    LOSSES[name](outputs, target, day)[0].backward()
    assert outputs.grad[0].abs().sum() > 0
    assert outputs.grad[1].abs().sum() == 0


@pytest.mark.parametrize("name", ["ic", "rank_ic"])
def test_constant_predictions_have_a_finite_loss_and_gradients(batch, name):
    _, target, day = batch
    flat = torch.full((1, len(day), 1), 0.25, requires_grad=True)
    loss = LOSSES[name](flat, target.float(), day)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(flat.grad).all()
