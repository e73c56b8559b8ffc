"""quarva bench measures this machine, as text and as JSON."""

import json
import subprocess
import sys

import pytest

import quarva as qv


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """The shortest run there is, in a process of its own as a user starts it."""
    words = [sys.executable, "-m", "quarva", "bench", "--seconds", "0.01", "--threads", "1", "--json"]
    return subprocess.run(
        words, timeout=300, capture_output=True, text=True, check=True, cwd=tmp_path_factory.mktemp("b")
    )


@pytest.fixture(scope="module")
def record(said):
    return json.loads(said.stdout)


def test_bench_measures_small_and_large_panels_and_tables(record):
    names = [rate["case"] for rate in record["rates"]]
    for word in ("small panel", "large panel", "rank IC", "small table", "large table"):
        assert any(word in name for name in names), word


def test_a_share_is_relative_to_the_measured_peak(record):
    peak = record["peak"]["float32_operations_per_second"]
    for rate in record["rates"]:
        assert rate["share_of_peak"] == pytest.approx(rate["operations_per_second"] / peak)
        assert rate["node_values_per_second"] > rate["formulas_per_second"] > 0


def test_the_summary_line_is_complete(record):
    line = record["line"]
    assert "\n" not in line
    for text in (f"quarva {qv.__version__}", record["processor"], "1 thread ", "GB/s", "large table"):
        assert text in line


def test_progress_is_printed_on_standard_error(said):
    assert said.stdout.count("\n") == 1
    assert "large panel" in said.stderr


@pytest.mark.parametrize("arguments", [["--seconds", "0"], ["--seconds", "soon"], ["--threads", "two"]])
def test_a_wrong_flag_is_one_line_and_status_2(quarva, arguments):
    refused = quarva("bench", *arguments)
    assert refused.status == 2
    assert refused.out == ""
    assert refused.err.count("\n") == 1
