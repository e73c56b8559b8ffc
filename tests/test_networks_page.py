"""The code in docs/networks.md runs and gives the results that the page states."""

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parent.parent / "docs" / "networks.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page():
    """What the page's own code leaves behind, run from top to bottom, and what each block prints."""
    names, said = {}, []
    for block in re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(block, names)  # noqa: S102
        said.append(printed.getvalue().splitlines())
    return names | {"said": said}


def test_a_planted_signal_is_found_and_noise_is_reported_as_such(page):
    assert page["said"][1][0].startswith("dense: ic of forward_return_1")
    assert page["fitted"].beaten_by == ()
    (first, *_) = page["said"][2]
    shown = re.search(r"`(NOT BETTER than .*): …`", TEXT)[1]
    assert first.startswith(shown)


def test_the_spread_of_members_is_positive_and_below_that_of_the_signal(page):
    panel, several = page["panel"], page["several"]
    spread = float(several.spread(panel).mean().mean())
    assert 0 < spread < float(several.signal(panel).std().mean())


def test_the_best_of_the_sweep_was_chosen_without_validation(page):
    tried = page["tried"]
    assert len(tried) == 12
    assert page["best"].stopping == min(each.stopping for each in tried)
    assert page["best"].validation < max(each.validation for each in tried)


def test_formulas_can_be_features_and_results_of_distillation(page):
    assert list(page["combined"].inputs.features) == page["features"]
    assert page["combined"].validation > 0.1
    kept = page["said"][6][0].split()
    assert float(kept[-2]) > 0.8
    assert float(page["task"].score(page["formula"]).validation[0]) > 0.1


def test_a_custom_module_can_be_loaded(page, tmp_path):
    own = page["own"]
    assert own.validation > 0.1
    own.save(tmp_path)
    again = page["qv"].Fitted.load(tmp_path, page["Gated"])
    np.testing.assert_array_equal(again.values(page["panel"]), own.values(page["panel"]))


def test_a_network_learns_a_table(page):
    assert page["curve"].validation > 0.9
    assert page["curve"].beaten_by == ()
    assert [line.split()[0] for line in page["said"][-1][-2:]] == ["gep", "dense"]


def test_links_resolve():
    for link in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (PAGE.parent / link).exists(), link
