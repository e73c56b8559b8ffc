"""The page is one self-contained file with escaped text."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from quarva.errors import RunError
from quarva.report import axis, figures, render, write
from quarva.report import data as rd

HOSTILE = "</script><img src=x onerror=alert(1)>\"'&{{7*7}}"


class Reader(HTMLParser):
    """Collects tags, what they link to, and their ids; checks that what opens closes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.labelled = True
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        self.links += [values[k] for k in ("src", "href", "xlink:href", "data", "action") if values.get(k)]
        if values.get("id"):
            self.ids.append(values["id"])
        if values.get("role") == "img" and not values.get("aria-label"):
            self.labelled = False
        if tag not in ("meta", "link", "br", "img", "hr", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def test_the_page_needs_no_other_file(report):
    page = render(report)
    assert not Reader(page).links
    outside = re.sub(r'xmlns="[^"]+"', "", page)
    assert "http:" not in outside
    assert "https:" not in outside
    assert "@import" not in outside
    assert "url(" not in outside


def test_the_page_is_well_formed_and_every_figure_has_a_description(
    report, table_report, timing_report, model_report
):
    for data in (report, table_report, timing_report, model_report):
        reader = Reader(render(data))
        assert not reader.open
        assert reader.labelled
        assert len(set(reader.ids)) == len(reader.ids)


def test_the_page_shows_every_figure_with_data(report, table_report, timing_report):
    figures = {"information", "quantiles", "decay", "equity", "turnover", "progress"}
    assert figures <= set(Reader(render(report)).ids)
    assert figures <= set(Reader(render(timing_report)).ids)
    assert {"fit", "residuals", "progress"} <= set(Reader(render(table_report)).ids)
    assert not {"equity", "information"} & set(Reader(render(table_report)).ids)


def test_the_page_of_a_model_has_diagnostics_and_learning_curves(model_report):
    ids = set(Reader(render(model_report)).ids)
    assert {"information", "quantiles", "decay", "equity", "turnover", "training", "model"} <= ids
    assert not {"formula", "findings", "progress"} & ids


def test_names_of_a_model_are_escaped(model_report):
    layer = rd.Layer(HOSTILE, HOSTILE, 1)
    model = dataclasses.replace(
        model_report.model, title=HOSTILE, figure=HOSTILE, baselines={HOSTILE: 1.0}, beaten_by=(HOSTILE,),
        facts=((HOSTILE, HOSTILE),), features=(HOSTILE,), layers=(layer,),
    )  # fmt: skip
    page = render(dataclasses.replace(model_report, model=model))
    assert not Reader(page).open
    assert "<img" not in page
    assert "{{7*7}}" in page


def test_the_page_states_the_task_and_its_settings(report):
    page = render(report).replace("\u00a0", " ")
    for words in (
        "ranks 20 assets by their 5-day forward return?",
        "S&amp;P 500 sample",
        "forward_return_5",
        "mean daily rank IC",
        "gep, seed 0",
        "100,000",
        "41.7 seconds",
        "27 Aug 2008 – 3 Nov 2014",
        "1,650 days, not read",
        "100,000 distinct formulas",
        "0.0164",
    ):
        assert words in page


def test_coverage_is_shown_with_the_scores_and_in_the_table(report):
    page = render(report)
    assert page.count("98.7\u202f%") == 2
    assert "100.0\u202f%" in page
    without = dataclasses.replace(report, pool=(rd.Row("close", 0.1, 0.1, 0.1, 1),))
    assert "coverage" not in render(without).lower()


def test_a_volatility_target_has_no_trading_section(report):
    question = dataclasses.replace(
        report.question, target="forward_volatility_5", target_label="5-day volatility", horizon=None,
        trades=False,
    )  # fmt: skip
    pool = tuple(dataclasses.replace(row, turnover=float("nan")) for row in report.pool)
    page = render(
        dataclasses.replace(
            report, question=question, pool=pool, trading=None, decay=None, performance={}, strategy=""
        )
    )
    assert "ranks 20 assets by their 5-day volatility?" in page
    for words in ("Does it pay", "Sharpe", "urnover", "traded", "basis points", "return"):
        assert words not in re.sub(r"<style>.*?</style>|<script>.*?</script>", "", page, flags=re.S)


def test_the_page_warns_of_a_delay_of_zero(report):
    assert "Delay 0" not in render(report)
    spoken = dataclasses.replace(report, question=dataclasses.replace(report.question, delay=0))
    assert "Delay 0: a signal trades at the close it is computed from" in render(spoken)


def test_names_from_a_file_are_escaped(report):
    question = dataclasses.replace(
        report.question, panel=HOSTILE, fields=(HOSTILE,), target=HOSTILE, horizon=None
    )
    best = dataclasses.replace(
        report.best,
        text=HOSTILE,
        latex=HOSTILE,
        qlib=HOSTILE,
        karva=HOSTILE,
        tree=rd.Node(HOSTILE, "field"),
        mathml=f'<math><mi onclick="x()">a</mi><script>bad()</script><mi>{"&lt;b&gt;"}</mi></math>',
    )
    search = dataclasses.replace(report.search, searcher=HOSTILE, run=HOSTILE, stopped=HOSTILE)
    hostile = dataclasses.replace(
        report,
        question=question,
        best=best,
        search=search,
        pool=(rd.Row(HOSTILE, 0.1, 0.1),),
        strategy=HOSTILE,
    )
    page = render(hostile)
    reader = Reader(page)
    assert not reader.open
    assert not {"img", "b"} & set(reader.tags) - {"b"}
    assert page.count("<img") == 0
    assert "onclick" not in page
    assert "bad()" not in page
    assert "{{7*7}}" in page
    assert "<b>&lt;" not in page
    assert reader.tags.count("script") == Reader(render(report)).tags.count("script")


def test_figures_with_missing_data_are_left_out(report):
    days = 40
    nothing = np.full(days, np.nan)
    dates = np.arange("2020-01-01", "2020-02-10", dtype="datetime64[D]")
    segments = np.zeros(days, np.int8)
    information = rd.Information(dates, segments, nothing)
    trading = rd.Trading(dates, segments, nothing, nothing, nothing)
    empty = rd.SearchProgress(np.array([], dtype=np.int64), np.array([]), None)
    bare = dataclasses.replace(
        report,
        best=None,
        pool=(),
        information=information,
        trading=trading,
        quantiles=rd.Quantiles({}),
        decay=rd.Decay(np.array([1]), {}),
        progress=empty,
        performance={},
    )
    page = render(bare)
    assert "No formula had a score." in page
    assert "<figure" not in page
    assert "nan" not in re.sub(r"<style>.*?</style>|<script>.*?</script>", "", page, flags=re.S).lower()


def test_short_and_flat_series_are_drawn(report):
    for days in (1, 2, 3, 70):
        dates = np.datetime64("2020-01-30") + np.arange(days)
        flat = np.zeros(days)
        segments = np.where(np.arange(days) < max(1, days // 2), 0, 1).astype(np.int8)
        information = rd.Information(dates, segments, flat)
        trading = rd.Trading(dates, segments, flat, flat, flat)
        page = render(dataclasses.replace(report, information=information, trading=trading))
        assert "nan" not in _paths(page)


def test_a_strategy_that_loses_everything_is_drawn(report):
    for day in (0, 100):
        ruin = report.trading.net.copy()
        ruin[day] = -1.5
        trading = dataclasses.replace(report.trading, net=ruin, gross=ruin)
        page = render(dataclasses.replace(report, trading=trading))
        assert "nan" not in _paths(page)
        assert "inf" not in _paths(page)


def _paths(page: str) -> str:
    return " ".join(re.findall(r' d="([^"]*)"', page))


def test_the_sealed_test_is_on_the_page_only_if_it_was_read(report):
    assert "test, sealed" in render(report)
    assert 'class="line test"' not in render(report)


def test_writing_replaces_the_whole_file_or_nothing(report, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    assert write(report, path) == path
    assert path.read_text(encoding="utf-8").endswith("</html>\n")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_writing_into_a_missing_folder_is_a_run_error(report, tmp_path):
    with pytest.raises(RunError, match="cannot be written"):
        write(report, tmp_path / "nowhere" / "report.html")


def test_the_page_is_small_enough_for_email(report):
    assert len(render(report).encode()) < 400_000


def test_importing_the_report_loads_no_heavy_package():
    heavy = "{'plotly', 'torch', 'numba', 'pandas', 'jinja2'}"
    look = f"import sys, quarva.report; print({heavy} & set(sys.modules))"
    said = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, timeout=300, check=True
    )
    assert said.stdout.strip() == "set()"


BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
PROBE = """
<script>
const frame = document.createElement("iframe");
frame.style = "width:390px;height:800px;border:0";
frame.onload = () => {
  const root = frame.contentDocument.documentElement;
  document.title = root.scrollWidth + " " + frame.contentDocument.querySelectorAll("figure").length;
  const out = document.createElement("p");
  out.id = "said";
  out.textContent = document.title;
  document.body.append(out);
};
frame.srcdoc = SOURCE;
document.body.append(frame);
</script>
"""


@pytest.mark.skipif(BROWSER is None, reason="needs a browser")
@pytest.mark.parametrize("kind", ["report", "table_report", "timing_report", "model_report"])
def test_the_page_fits_a_narrow_screen(kind, request, tmp_path):
    data = request.getfixturevalue(kind)
    long = "scale(" * 12 + "a_field_with_quite_a_long_name_that_never_ends_and_has_no_space" + ")" * 12
    tree = rd.Node("+", children=tuple(rd.Node(f"a_long_name_{k}", "field") for k in range(9)))
    wide = {"pool": (rd.Row(long, 0.1, 0.1, 0.1, 13), *data.pool)}
    if data.best is not None:
        karva = long.replace("(", ".")
        wide["best"] = dataclasses.replace(data.best, text=long, tree=tree, latex=long, karva=karva)
    else:
        layer = rd.Layer("a_long_name.of_a_layer.that_has.many_parts.weight", "1024 × 1024 × 16, 1024", 2**24)
        wide["model"] = dataclasses.replace(data.model, title=long, features=(long,), layers=(layer,))
    source = render(dataclasses.replace(data, **wide))
    file = tmp_path / "probe.html"
    text = json.dumps(source).replace("</", "<\\/")
    file.write_text(f"<!doctype html><body>{PROBE.replace('SOURCE', text)}", encoding="utf-8")
    said = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=800,900",
            "--virtual-time-budget=3000",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    found = re.search(r'<p id="said">(\d+) (\d+)</p>', said.stdout)
    assert found, said.stderr[-500:]
    width, count = map(int, found.groups())
    assert count >= 3
    assert width <= 390


def corners(figure):
    """Places of the corners of the line of the best so far, in a box of 1000 by 1000."""
    (line,) = (line for line in figure.panels[0].lines if line.style == "train")
    moves = re.findall(r"([MHV])([\d.]+)(?: ([\d.]+))?", line.path)
    x, y, out = 0.0, 0.0, []
    for kind, first, second in moves:
        x = x if kind == "V" else float(first)
        y = float(second) if kind == "M" else float(first) if kind == "V" else y
        out.append((x, y))
    return out


def test_the_best_so_far_rises_at_its_evaluation_and_extends_to_the_end(report):
    course = rd.SearchProgress(
        np.array([50, 2_300]), np.array([0.01, 0.02]), np.array([1_000, 2_000, 4_000]), np.full(3, 0.005)
    )
    figure = figures.search_progress(course, "ic", report.search)
    places = sorted({round(x) for x, _ in corners(figure)})
    end = axis.round_axis(0.0, 4_000.0, count=5)
    assert places == [round(1000 * float(end.at(np.array(at)))) for at in (50, 2_300, 4_000)]
    heads = figure.panels[0].hover.heads
    assert heads == ["50 formulas", "1,000 formulas", "2,000 formulas", "2,300 formulas", "4,000 formulas"]
    best = next(texts for _, name, texts in figure.panels[0].hover.series if name == "best so far")
    assert best == ["0.0100", "0.0100", "0.0100", "0.0200", "0.0200"]


@pytest.mark.parametrize(
    ("objective", "first", "best"), [("r2", -1e9, [0.2, 0.9]), ("nrmse", 1e9, [0.9, 0.1])]
)
def test_the_first_formulas_of_a_table_do_not_flatten_the_line(report, objective, first, best):
    course = rd.SearchProgress(
        np.array([1, 7, 900]), np.array([first, *best]), np.array([1_000, 2_000]), np.array([0.1, first])
    )
    axis_of_it = figures.search_progress(course, objective, report.search).panels[0].y
    assert axis_of_it.high - axis_of_it.low < 4


def test_candidates_are_shown_next_to_the_number_of_formulas(report):
    search = dataclasses.replace(report.search, candidates=7_654)
    page = render(dataclasses.replace(report, search=search))
    assert page.count("7,654") == 2
    assert "chosen from 7,654 candidates by a surrogate" in page
    assert "andidates" not in render(report)
