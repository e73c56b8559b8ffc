"""A stack of networks computes the same as each network alone."""

import pytest
import torch
from torch import nn

from quarva.errors import RunError
from quarva.networks.data.layout import arrange
from quarva.networks.learner.learner import LOSSES
from quarva.networks.models.models import NETWORKS, make_network
from quarva.networks.models.stack import ACTIVATION_BUDGET, Stack

WINDOWS = torch.randn(9, 6, 4, generator=torch.Generator().manual_seed(0))


def stack_of(name, members=3, **settings):
    return Stack.from_seeds(lambda: make_network(name, 4, 6, 2, settings)[1], range(members))


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_outputs_of_a_stack_equal_those_of_each_network(name):
    stack = stack_of(name)
    windows = arrange(WINDOWS, stack.layout)
    together = stack(windows)
    assert together.shape == (3, 9, 2)
    for m in range(3):
        alone = make_network(name, 4, 6, 2, {})[1].eval()
        alone.load_state_dict({key: each[m] for key, each in stack.all_weights().items()})
        torch.testing.assert_close(together[m], alone(windows), rtol=1e-4, atol=1e-5)
    assert stack.vectorised == (name not in ("gru", "lstm"))


@pytest.mark.parametrize("name", ["dense", "conv1d", "gru"])
def test_the_weights_of_a_member_depend_on_its_seed_only(name):
    one = Stack.from_seeds(lambda: make_network(name, 4, 6, 2, {})[1], [1])
    for key, each in stack_of(name).all_weights().items():
        torch.testing.assert_close(each[1], one.all_weights()[key][0], rtol=0, atol=0)


def test_the_random_state_of_torch_is_unchanged():
    torch.manual_seed(7)
    want = torch.rand(3)
    torch.manual_seed(7)
    stack_of("dense")
    torch.testing.assert_close(torch.rand(3), want, rtol=0, atol=0)


def test_parts_of_a_stack_are_trained_separately_and_merged():
    stack = stack_of("dense")
    before = {name: each.detach().clone() for name, each in stack.weights.items()}
    part = stack.subset(range(1, 3))
    loss = LOSSES["mse"](part(arrange(WINDOWS, part.layout)), torch.ones(9), torch.arange(9))
    loss.sum().backward()
    with torch.no_grad():
        for each in part.weights.values():
            each -= 0.1 * each.grad
    assert all(torch.equal(each, before[name]) for name, each in stack.weights.items())
    stack.assign(range(1, 3), part)
    for name, each in stack.weights.items():
        assert torch.equal(each[0], before[name][0])
        assert torch.equal(each[1:], part.weights[name])


def test_weights_of_another_architecture_are_refused():
    other = stack_of("dense", width=5).all_weights()
    with pytest.raises(RunError, match=r"here: weights of another architecture: 0.bias is \[3, 5\] there"):
        stack_of("dense").load_weights(other, "here")
    with pytest.raises(RunError, match="another architecture: .* is missing there|is .* there and unknown"):
        stack_of("dense").load_weights(stack_of("gru").all_weights(), "here")


def test_activations_are_counted_layer_by_layer():
    # 24 → 64, ReLU, 64 → 64, ReLU, 64 → 2
    assert stack_of("dense").activations(6, 4) == 4 * 64 + 2


def test_a_stack_of_transformers_is_evaluated_in_one_program(recwarn):
    stack = stack_of("transformer")
    with torch.no_grad():
        stack(arrange(WINDOWS, stack.layout))
    assert not [each for each in recwarn if "batching rule" in str(each.message)]
    assert torch.backends.mha.get_fastpath_enabled()


class Dropped(nn.Sequential):
    layout = "features"

    def __init__(self):
        super().__init__(nn.Linear(24, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 1))


class DroppedRecurrent(nn.Module):
    layout = "sequence_first"

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.GRU(4, 8, 2, dropout=0.5), nn.Linear(8, 1)

    def forward(self, windows):
        return self.head(self.body(windows)[0][-1])


@pytest.mark.parametrize("made", [Dropped, DroppedRecurrent])
def test_dropout_of_a_member_is_the_same_in_a_stack_and_alone(made):
    stack = Stack.from_seeds(made, range(3))
    windows = arrange(WINDOWS, stack.layout)
    torch.manual_seed(0)
    together = stack(windows, training=True)
    assert stack.vectorised == (made is Dropped)
    for m in range(3):
        torch.manual_seed(0)
        alone = stack.subset(range(m, m + 1))
        alone.vectorised = False
        torch.testing.assert_close(together[m], alone(windows, training=True)[0])
    assert not torch.allclose(together, stack(windows, training=True))  # other numbers the next time


def test_more_networks_evaluate_fewer_windows_at_a_time():
    few, many = stack_of("dense", 2), stack_of("dense", 600)
    assert few.batch_size(6, 4, 8_192) == 8_192
    assert many.batch_size(6, 4, 8_192) == ACTIVATION_BUDGET // (600 * (4 * 64 + 2))
