"""quarva stream: updates by one day give the signals of `quarva evaluate` on the whole panel."""

import io
import json
import re
import sys

import numpy as np
import pandas as pd
import pytest

FORMULAS = "reversal = -delta(close, 5) / close\nmean(close, 20) / close\nrank(volume)\n"
BEGIN = 190  # of 200 days; the other ten come one by one


@pytest.fixture
def days(bars):
    """The bars of each day, in order."""
    return [day for _, day in pd.read_csv(bars).groupby("date")]


@pytest.fixture
def begun(quarva, tmp_path, days):
    """A state that has seen BEGIN days; returns its bytes."""
    (tmp_path / "f.txt").write_text(FORMULAS)
    pd.concat(days[:BEGIN]).to_csv("history.csv", index=False)
    said = quarva(
        "stream", "init", "--formulas", "f.txt", "--panel", "history.csv", "--state", "s.npz", "--json"
    )
    assert said.status == 0, said.err
    return (tmp_path / "s.npz").read_bytes


@pytest.fixture
def expected(quarva, bars, tmp_path):
    """Signals of the whole panel."""
    (tmp_path / "f.txt").write_text(FORMULAS)
    quarva("evaluate", "--formulas", "f.txt", "--panel", bars, "--out", "all.parquet")
    table = pd.read_parquet("all.parquet")
    return [day.reset_index(drop=True) for _, day in table.groupby("date")]


def following(quarva, monkeypatch, text, *arguments):
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    return quarva("stream", "next", "--state", "s.npz", "--bars", "-", *arguments)


def same(text_or_table, expected):
    table = (
        text_or_table if isinstance(text_or_table, pd.DataFrame) else pd.read_csv(io.StringIO(text_or_table))
    )
    table["date"] = pd.to_datetime(table["date"])
    pd.testing.assert_frame_equal(
        table.astype(dict.fromkeys(table.columns[2:], np.float32)),
        expected,
        check_dtype=False,
        check_exact=True,
    )


def test_single_days_give_the_signals_of_the_whole_panel(quarva, begun, days, expected, tmp_path):
    for day in range(BEGIN, BEGIN + 3):
        for ending in ("csv", "parquet"):
            (tmp_path / f"today.{ending}").unlink(missing_ok=True)
        if day % 2:
            days[day].to_parquet("today.parquet")
        else:
            days[day].to_csv("today.csv", index=False)
        today = "today.parquet" if day % 2 else "today.csv"
        said = quarva("stream", "next", "--state", "s.npz", "--bars", today)
        assert said.status == 0, said.err
        same(said.out, expected[day])
    assert quarva("stream", "show", "--state", "s.npz", "--json").json["days"] == BEGIN + 3


def test_several_days_can_be_processed_at_once_into_a_file(quarva, begun, days, expected):
    pd.concat(days[BEGIN:]).to_csv("rest.csv", index=False)
    said = quarva("stream", "next", "--state", "s.npz", "--bars", "rest.csv", "--out", "out.parquet")
    assert (said.status, said.out) == (0, "")
    same(pd.read_parquet("out.parquet"), pd.concat(expected[BEGIN:], ignore_index=True))


def test_json_contains_the_signals_of_a_day_by_formula_and_asset(quarva, begun, days, expected):
    days[BEGIN].to_csv("today.csv", index=False)
    said = quarva("stream", "next", "--state", "s.npz", "--bars", "today.csv", "--json").json
    assert said["last"] == said["days"][0]["date"] == str(expected[BEGIN].date[0])[:10]
    signals = said["days"][0]["signals"]
    assert list(signals) == ["reversal", "f1", "f2"]
    for name, row in signals.items():
        wanted = dict(zip(expected[BEGIN].asset, expected[BEGIN][name].astype(float), strict=True))
        assert row == wanted


def test_lines_are_processed_day_by_day(quarva, begun, days, expected, monkeypatch):
    text = pd.concat(days[BEGIN:]).to_csv(index=False)
    said = following(quarva, monkeypatch, text)
    assert said.status == 0, said.err
    same(said.out, pd.concat(expected[BEGIN:], ignore_index=True))
    assert quarva("stream", "show", "--state", "s.npz", "--json").json["days"] == 200


def test_lines_are_processed_into_one_json_object_per_day(quarva, begun, days, monkeypatch):
    said = following(quarva, monkeypatch, pd.concat(days[BEGIN:]).to_csv(index=False), "--json")
    told = [json.loads(line) for line in said.out.splitlines()]
    assert [day["date"] for day in told] == [day.date.iloc[0] for day in days[BEGIN:]]


def test_a_wrong_line_does_not_lose_the_days_before_it(quarva, begun, days, expected, monkeypatch):
    spoiled = days[BEGIN + 1].assign(close=np.inf)
    said = following(quarva, monkeypatch, pd.concat([days[BEGIN], spoiled]).to_csv(index=False))
    assert said.status == 2
    assert re.fullmatch(
        r"quarva: standard input: field 'close' of asset [^\n]* is infinite[^\n]*\n", said.err
    )
    same(said.out, expected[BEGIN])
    assert quarva("stream", "show", "--state", "s.npz", "--json").json["days"] == BEGIN + 1


def test_a_late_correction_is_replayed(quarva, begun, days, bars, tmp_path):
    late = days[BEGIN - 2].assign(close=lambda day: day.close * 1.01)
    late.head(5).to_csv("late.csv", index=False)
    said = quarva("stream", "next", "--state", "s.npz", "--bars", "late.csv", "--late", "replay")
    assert said.status == 0, said.err
    assert f"corrected: {late.date.iloc[0]}" in said.err
    table = pd.concat(days[:BEGIN])
    table.loc[late.index[:5], "close"] = late.close.head(5)
    table.to_csv("corrected.csv", index=False)
    quarva("evaluate", "--formulas", "f.txt", "--panel", "corrected.csv", "--out", "all.parquet")
    same(said.out, pd.read_parquet("all.parquet").tail(12).reset_index(drop=True))


def test_show_describes_a_state_and_writes_the_last_signals_again(quarva, begun, expected):
    told = quarva("stream", "show", "--state", "s.npz", "--out", "last.csv")
    for word in ("reversal = -delta(close, 5) / close", "close, volume", "190", "12"):
        assert word in told.out
    same(pd.read_csv("last.csv"), expected[BEGIN - 1])


def test_init_accepts_formulas_as_arguments_and_other_conventions(quarva, bars):
    arguments = ["--panel", bars, "--state", "s.npz", "--conventions", "qlib", "--json"]
    said = quarva("stream", "init", "-delta(close, 5)", *arguments).json
    assert said["formulas"] == [{"name": "f0", "formula": "-delta(close, 5)"}]
    assert (said["conventions"], said["days"], said["assets"]) == ("qlib", 200, 12)


def test_a_state_is_replaced_only_with_force(quarva, begun, bars):
    before = begun()
    said = quarva("stream", "init", "close", "--panel", bars, "--state", "s.npz")
    assert (said.status, begun()) == (2, before)
    assert "--force" in said.err
    assert quarva("stream", "init", "close", "--panel", bars, "--state", "s.npz", "--force").status == 0
    assert begun() != before


def spoil(**changes):
    return lambda days: days[BEGIN].assign(**changes)


def between(days):
    """A Saturday among the last days."""
    friday = next(day for day in days[BEGIN - 9 :] if pd.Timestamp(day.date.iloc[0]).day_name() == "Friday")
    return friday.assign(date=pd.Timestamp(friday.date.iloc[0]) + pd.Timedelta(days=1))


def with_a_new_asset(days):
    return pd.concat([days[BEGIN], days[BEGIN].head(1).assign(asset="NEW")])


WRONG = {
    "the last day again": (lambda days: days[BEGIN - 1], [], "is not after the stream's last day"),
    "an earlier day": (lambda days: days[3], [], "--late replay"),
    "a day between": (between, ["--late", "replay"], "not one of the stream's days"),
    "a new asset": (with_a_new_asset, [], "'NEW' .*--extra-ok"),
    "an asset that vanishes": (
        lambda days: days[BEGIN].iloc[1:],
        [],
        "had a bar the day before .*--missing-ok",
    ),
    "an infinite value": (spoil(volume=np.inf), [], "field 'volume' .* is infinite"),
    "a missing field": (lambda days: days[BEGIN].drop(columns="volume"), [], "no field 'volume'"),
    "a jump": (spoil(close=1e6), [], "jumps by .*--allow-jumps"),
    "a price of zero": (spoil(close=0.0), [], "a price is above zero"),
    "text": (spoil(close=["n/k"] + [5] * 11), [], "'n/k' instead of a number"),
    "no such choice": (spoil(), ["--late", "maybe"], "refuse"),
    "a wrong place": (spoil(), ["--out", "none/out.csv"], "no folder"),
    "a wrong format": (spoil(), ["--out", "out.txt"], r"\.parquet or \.csv"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_day_is_refused_in_one_line_and_changes_nothing(case, quarva, begun, days, tmp_path):
    change, flags, word = WRONG[case]
    change(days).to_csv("today.csv", index=False)
    before, there = begun(), sorted(tmp_path.iterdir())
    said = quarva("stream", "next", "--state", "s.npz", "--bars", "today.csv", *flags)
    assert (said.status, said.out) == (2, "")
    assert re.fullmatch(r"quarva: [^\n]+\n", said.err), said.err
    assert re.search(word, said.err), said.err
    assert begun() == before
    assert sorted(tmp_path.iterdir()) == there


def test_accepted_exceptions_are_reported(quarva, begun, days):
    table = pd.concat([with_a_new_asset(days), days[BEGIN + 1].iloc[1:]])
    table.to_csv("two.csv", index=False)
    said = quarva(
        "stream", "next", "--state", "s.npz", "--bars", "two.csv", "--missing-ok", "--extra-ok", "--json"
    )
    assert said.status == 0, said.err
    assert said.json["unknown"] == ["NEW"]
    assert said.json["missing"] == {days[BEGIN + 1].date.iloc[0]: [days[BEGIN].asset.iloc[0]]}
    assert said.err.count("\n") == 2


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (lambda state: state[:-30], "s.npz is damaged"),
        (lambda state: state[:300] + b"\xff" + state[301:], "s.npz is damaged"),
        (lambda state: b"date,asset,close\n", "s.npz is damaged"),
        (None, "s.npz: no such file"),
    ],
    ids=["cut", "flipped", "another file", "missing"],
)
@pytest.mark.parametrize("command", [["next", "--bars", "today.csv"], ["show"]], ids=["next", "show"])
def test_an_unreadable_state_is_refused(command, content, word, quarva, begun, days, tmp_path):
    days[BEGIN].to_csv("today.csv", index=False)
    before = begun()
    (tmp_path / "s.npz").unlink()
    if content is not None:
        (tmp_path / "s.npz").write_bytes(content(before))
    said = quarva("stream", *command, "--state", "s.npz")
    assert (said.status, said.out) == (2, "")
    assert re.fullmatch(rf"quarva: {re.escape(word)}[^\n]+\n", said.err), said.err


def test_lines_from_standard_input_exclude_a_file_for_signals(quarva, begun, monkeypatch):
    said = following(quarva, monkeypatch, "date,asset\n", "--out", "out.csv")
    assert said.status == 2
    assert "standard output" in said.err


def test_empty_standard_input_is_an_error(quarva, begun, monkeypatch):
    assert "standard input: no line" in following(quarva, monkeypatch, "").err


@pytest.mark.parametrize("command", ["init", "next", "show"])
def test_each_command_has_help(command, quarva):
    said = quarva("stream", command, "--help")
    assert said.status == 0
    assert f"Usage: quarva stream {command}" in said.out
