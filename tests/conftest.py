"""What all tests share: how much hypothesis tries, and an independent reader of genes.

`pytest --hypothesis-profile=thorough` before a release, little every day.
"""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# A first call compiles its kernel: time per example says nothing.
_always = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("daily", max_examples=40, **_always)
settings.register_profile("ci", max_examples=40, derandomize=True, print_blob=True, **_always)
settings.register_profile("thorough", max_examples=2000, **_always)
# A change must not fail for an example that it did not cause: there the examples are always the same.
settings.load_profile("ci" if os.environ.get("CI") else "daily")


def faults_of(pop):
    """Chromosomes that no reader could read: all genes are walked at once, their open places counted."""
    limit = len(pop.alphabet.symbols)
    arity = np.array([symbol.arity for symbol in pop.alphabet.symbols])
    bad = ((pop.symbols < 0) | (pop.symbols >= limit)).any(axis=2)
    bad |= ((pop.dc < 0) | (pop.dc >= pop.shape.constants)).any(axis=2)
    bad |= ~np.isfinite(pop.constants).all(axis=2)
    places = np.ones(pop.symbols.shape[:2], int)
    for i in range(pop.symbols.shape[2]):
        taken = arity[np.clip(pop.symbols[:, :, i], 0, limit - 1)]
        if i >= pop.shape.head:
            bad |= taken > 0
        places = np.where(places > 0, places - 1 + taken, 0)
    return (bad | (places > 0)).any(axis=1)


@pytest.fixture(scope="session")
def faults():
    """The independent decoder that laws of genes are checked with: Population → bool [P]."""
    return faults_of
