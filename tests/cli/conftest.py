"""A command line in the test's own process, and a small market in a file."""

import json
from dataclasses import dataclass

import pytest

from quarva.cli import main
from quarva.scenarios import simulate


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        """The one JSON object on standard output."""
        return json.loads(self.out)


@pytest.fixture
def quarva(capsys, tmp_path, monkeypatch):
    """Run a command in an empty folder: quarva("evaluate", "close", "--json")."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return run


@pytest.fixture(scope="session")
def market():
    """12 assets × 200 days, whose returns a formula predicts."""
    return simulate(12, 200, seed=3, plant="-delta(close, 5) / close", ic=0.2)


@pytest.fixture(scope="session")
def bars(market, tmp_path_factory):
    """The market as a long CSV file."""
    path = tmp_path_factory.mktemp("bars") / "bars.csv"
    market.write(path)
    return path
