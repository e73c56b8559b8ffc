"""A network reads its declared layout, and other layouts are refused before training."""

import pytest
import torch
from torch import nn

from quarva.errors import TaskError
from quarva.networks import LAYOUTS, NETWORKS, check_layout, layout_of

FEATURES, LENGTH = 3, 6
WRONG = [(name, layout) for name in NETWORKS for layout in LAYOUTS]


@pytest.mark.parametrize(("name", "layout"), WRONG)
def test_a_network_reads_its_own_layout_and_no_other(name, layout):
    network = NETWORKS[name](FEATURES, LENGTH, 2)
    if layout == layout_of(network):
        check_layout(network, FEATURES, LENGTH, 2, layout)
        return
    with pytest.raises(TaskError) as refused:
        check_layout(network, FEATURES, LENGTH, 2, layout)
    said = str(refused.value)
    assert f"cannot read '{layout}'" in said
    assert f"it reads '{layout_of(network)}'" in said  # the remedy, with its shape
    assert said.count("(") >= 2
    assert "\n" not in said


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("features", "length"), [(1, 1), (1, 5), (4, 2), (2, 40), (5, 5)])
def test_every_network_fits_any_window(name, features, length):
    network = NETWORKS[name](features, length, 1)
    check_layout(network, features, length, 1)


class Liar(nn.Module):
    """A recurrent network that takes days first and says it takes windows first."""

    layout = "batch_first"

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.GRU(FEATURES, 8), nn.Linear(8, 1)

    def forward(self, x):
        return self.head(self.body(x)[0][-1])


class Gossip(nn.Module):
    """Answers of the right shape, each of which knows the other windows."""

    layout = "features"

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(FEATURES * LENGTH, 1)

    def forward(self, x):
        return self.body(x - x.mean(0))


def test_the_error_for_a_wrong_layout_names_the_right_one():
    with pytest.raises(TaskError, match="it reads 'sequence_first'"):
        check_layout(Liar(), FEATURES, LENGTH, 1)


def test_outputs_that_depend_on_other_windows_are_refused():
    with pytest.raises(TaskError, match="the output for one window depends on another"):
        check_layout(Gossip(), FEATURES, LENGTH, 1)


def test_the_error_for_a_missing_layout_lists_the_layouts():
    with pytest.raises(TaskError, match=r"Linear declares no layout; .*'channels' \[B, F, S\]"):
        check_layout(nn.Linear(3, 1), 3, 1, 1)


def test_a_wrong_number_of_outputs_is_reported():
    with pytest.raises(TaskError, match=r"it returns \(4, 2\) instead of \(4, 1\)"):
        check_layout(NETWORKS["dense"](3, 6, 2), 3, 6, 1)


def test_batch_normalisation_passes_the_check_and_keeps_its_statistics():
    network = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    network.layout = "features"
    before = {name: value.clone() for name, value in network.state_dict().items()}
    random = torch.get_rng_state()
    check_layout(network, 2, 3, 1)
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())
