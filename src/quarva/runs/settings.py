"""The single definition of the settings of a run: names, types, limits, defaults and help.

Recipes are these settings as TOML, and the flags of the command line have the same names with dashes. Each
class has the settings of one part of the program: `ReadingSettings` those of `Panel.read`, `TaskSettings`
those of `Task`, and so on. This module imports no heavy packages, so that the help of a command is fast.
"""

from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

__all__ = [
    "ComparisonSettings",
    "DataSettings",
    "LanguageSettings",
    "LimitSettings",
    "NetworkSettings",
    "OriginSettings",
    "ReadingSettings",
    "SearcherSettings",
    "SetSettings",
    "Setting",
    "TaskSettings",
    "described",
    "names_of",
    "values_of",
    "without_none",
]

DATA, QUESTION, SEARCH, NETWORK, COMPARISON = "Data", "Question", "Search", "Network", "Comparison"


@dataclass(frozen=True)
class Setting:
    """Description of a setting, except for its name, type and default.

    Attributes
    ----------
    help : str
        Meaning, in one sentence.
    metavar : str, optional
        Placeholder of the value in the help.
    section : str, optional
        Section of the help.
    usual : str, optional
        Description of the default, if that is None.
    flag : bool
        Whether there is a flag. If false, the setting is only for recipes.
    repeated : str
        Name of the flag, if it can be repeated to give several values; otherwise empty.
    least, above, below : float, optional
        Limits of the value: minimum, exclusive lower bound and exclusive upper bound.
    """

    help: str
    metavar: str | None = None
    section: str | None = None
    usual: str | None = None
    flag: bool = True
    repeated: str = ""
    least: float | None = None
    above: float | None = None
    below: float | None = None


@dataclass(frozen=True, kw_only=True)
class OriginSettings:
    """Origin of a recipe, as recorded by the run that wrote it."""

    version: Annotated[int, Setting("Version of the recipe's format.", flag=False)] = 1
    quarva: Annotated[str | None, Setting("Version of Quarva that wrote it.", flag=False)] = None
    fingerprint: Annotated[str | None, Setting("Fingerprint of the data.", flag=False)] = None
    source: Annotated[
        dict[str, Any] | None,
        Setting("Name, notes and assumptions of data that were copied into the run's folder.", flag=False),
    ] = None


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """The data: a file of bars or a table. Defaults to the sample panel."""

    panel: Annotated[
        str | None,
        Setting(
            "CSV or Parquet file of daily bars, in long (date, asset, fields …) or wide layout.",
            "FILE", DATA, usual="closes of 20 S&P 500 stocks, 1990 to 2022",
        ),
    ] = None  # fmt: skip
    conventions: Annotated[
        Literal["quarva", "qlib"],
        Setting("Rules for partial windows and missing values: quarva or qlib.", "NAME", DATA),
    ] = "quarva"  # fmt: skip
    table: Annotated[str | None, Setting("Table for symbolic regression, instead of bars.", "FILE", DATA)] = (
        None
    )
    target_column: Annotated[str, Setting("Column of the table to predict.", "NAME", DATA)] = "y"


@dataclass(frozen=True, kw_only=True)
class ReadingSettings:
    """Reading of a file of bars: arguments of `Panel.read`."""

    field: Annotated[
        str | None, Setting("Name of the field in a wide file.", "NAME", DATA, usual="close")
    ] = None
    fields: Annotated[
        tuple[str, ...] | None,
        Setting("Fields of a panel or columns of a table to read.", "NAME,…", DATA, usual="all"),
    ] = None
    allow_jumps: Annotated[bool, Setting("Accept prices that jump by more than 300 %.", section=DATA)] = False
    asset_column: Annotated[
        str | None, Setting("Column with the assets, if its header is not recognised.", "NAME", DATA)
    ] = None
    date_column: Annotated[
        str | None, Setting("Column with the dates, if its header is not recognised.", "NAME", DATA)
    ] = None
    rename: Annotated[
        dict[str, str] | None,
        Setting("New names of columns, applied before anything else.", "OLD=NEW,…", DATA),
    ] = None
    time_zone: Annotated[
        str | None,
        Setting(
            "Time zone of the market, such as America/New_York; dates without a zone are local times in it.",
            "ZONE", DATA,
        ),
    ] = None  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TaskSettings:
    """The task: arguments of `Task`."""

    target: Annotated[
        str | None,
        Setting(
            "What to predict: forward_return_DAYS, forward_volatility_DAYS, forward_range_DAYS, "
            "volume_surprise_DAYS, direction_DAYS, quintile_DAYS, triple_barrier_DAYS, or a field.",
            "NAME", QUESTION, usual="forward_return_5",
        ),
    ] = None  # fmt: skip
    delay: Annotated[int, Setting("Days between a signal and its trade.", "DAYS", QUESTION, least=0)] = 1
    objective: Annotated[
        str | None,
        Setting(
            "Score of a formula: ic, rank_ic, icir, rank_icir, ts_corr, sharpe or timing_sharpe; for a "
            "table, r2 or nrmse.",
            "NAME", QUESTION, usual="ic; ts_corr with fewer than 3 assets; r2 for a table",
        ),
    ] = None  # fmt: skip
    split: Annotated[
        tuple[str, str] | None,
        Setting(
            "First day of validation and of the sealed test, such as 2017-01-01,2018-01-01; for a table, "
            "shares of its rows, such as 0.6,0.8.",
            "DAY,DAY", QUESTION, usual="60/20/20 % of the days; no split for a table or in evaluate",
        ),
    ] = None  # fmt: skip
    embargo: Annotated[
        int, Setting("Days left out at each split in addition to the purged ones.", "DAYS", QUESTION, least=0)
    ] = 0
    cost_bps: Annotated[
        float, Setting("Trading cost in basis points of the traded value.", "BPS", QUESTION, least=0)
    ] = 5.0
    periods_per_year: Annotated[
        float | None,
        Setting(
            "Bars per year, for annualisation.", "N", QUESTION, above=0,
            usual="from the dates: 252 for daily bars, 365 if weekends are included, 52 for weekly bars, …",
        ),
    ] = None  # fmt: skip
    delisting_return: Annotated[
        float,
        Setting(
            "Return of a position on the day after the last price of its asset; -0.3 is -30 %.",
            "R",
            QUESTION,
            least=-1,
        ),
    ] = 0.0
    risk: Annotated[
        str | dict[str, Any] | None,
        Setting(
            "Risk model whose exposures are removed from a target that is a return: none, default, or a TOML "
            "file.", "NAME", QUESTION, usual="default for objectives that compare assets",
        ),
    ] = None  # fmt: skip
    parsimony: Annotated[
        float | None, Setting("Penalty on the score per node of a formula.", "X", QUESTION, least=0)
    ] = None


@dataclass(frozen=True, kw_only=True)
class LimitSettings:
    """Limits and hardware of a search: arguments of `search`."""

    budget: Annotated[int, Setting("Number of distinct formulas to evaluate.", "N", SEARCH, least=1)] = 50_000
    seconds: Annotated[float | None, Setting("Stop after this many seconds.", "S", SEARCH, above=0)] = None
    memory_mb: Annotated[
        float | None, Setting("Stop when the process uses this many MiB.", "MB", SEARCH, above=0)
    ] = None
    threads: Annotated[int | None, Setting("Number of threads.", "N", least=1, usual="one per core")] = None
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        Setting(
            "Device that evaluates formulas: cpu, cuda (a GPU), or auto (the faster of the two).", "NAME"
        ),
    ] = "cpu"


@dataclass(frozen=True, kw_only=True)
class LanguageSettings:
    """Alphabet and chromosomes: arguments of `search`."""

    functions: Annotated[
        tuple[str, ...] | None,
        Setting("Operators to use, by their names in `quarva operators`.", "NAME,…", SEARCH),
    ] = None
    windows: Annotated[
        tuple[int, ...] | None,
        Setting(
            "Windows of rolling operators.",
            "DAYS,…",
            SEARCH,
            usual="1,3,5,10,20,40, and 60,120,240 if training is twice as long",
        ),
    ] = None
    numbers: Annotated[
        tuple[float, ...], Setting("Numbers that formulas may contain.", "X,…", SEARCH, usual="none")
    ] = ()
    constants: Annotated[
        bool | None, Setting("Use random numerical constants.", section=SEARCH, usual="for tables only")
    ] = None
    tuning_steps: Annotated[
        int | None,
        Setting(
            "Maximum number of steps to fit the constants of a formula on a table; each step counts as an "
            "evaluation.", "N", SEARCH, least=0, usual="10",
        ),
    ] = None  # fmt: skip
    head: Annotated[
        int | None,
        Setting("Length of the head of a gene.", "N", SEARCH, least=1, usual="10; 24 for a table"),
    ] = None
    genes: Annotated[int, Setting("Number of genes in a chromosome.", "N", SEARCH, least=1)] = 1
    link: Annotated[str, Setting("Operator that links the genes.", "NAME", SEARCH)] = "add"
    unit_free: Annotated[
        bool | None,
        Setting(
            "Search only formulas without a unit, such as ratios of prices.",
            section=SEARCH,
            usual="for panels",
        ),
    ] = None
    units: Annotated[
        dict[str, str] | None,
        Setting(
            "Units of fields that do not follow from their names, such as earnings=price.",
            "FIELD=UNIT,…",
            SEARCH,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class SearcherSettings:
    """The searcher: arguments of `search`."""

    searcher: Annotated[str, Setting("Searcher: gep, policy, blend or random.", "NAME", SEARCH)] = "gep"
    seed: Annotated[
        int, Setting("Random seed; the same seed gives the same result.", "N", least=0, below=2**63)
    ] = 0
    settings: Annotated[
        dict[str, Any],
        Setting("Setting of the searcher, such as population=500; may be repeated.", "NAME=VALUE", SEARCH,
                repeated="--setting"),
    ] = field(default_factory=dict)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SetSettings:
    """The set of a search on a panel: arguments of `search`."""

    set_size: Annotated[
        int,
        Setting(
            "Number of the best formulas from which the set is fitted; 0 for no set.", "N", SEARCH, least=0
        ),
    ] = 400
    start: Annotated[
        tuple[str, ...] | None,
        Setting(
            "Known formulas that may enter the set: alpha158, alpha101, a file with one formula per line "
            "(worldquant:FILE or qlib:FILE for another notation), or none.",
            "NAME,…", SEARCH, usual="alpha158",
        ),
    ] = None  # fmt: skip
    reward: Annotated[
        str | None,
        Setting(
            "What the searcher maximises: gain (what a formula adds to the set) or own (its own score).",
            "NAME", SEARCH, usual="gain if there is a set",
        ),
    ] = None  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """A network and its training: arguments of `Learner`. None means the default of `Learner`."""

    network: Annotated[
        str, Setting("Network: dense, conv1d, tcn, gru, lstm or transformer.", "NAME", NETWORK)
    ] = "dense"
    settings: Annotated[
        dict[str, Any],
        Setting("Setting of the network, such as width=64; may be repeated.", "NAME=VALUE", NETWORK,
                repeated="--setting"),
    ] = field(default_factory=dict)  # fmt: skip
    features: Annotated[
        tuple[str, ...] | None,
        Setting(
            "Formula whose values are an input of the network; may be repeated.", "FORMULA", NETWORK,
            repeated="--feature", usual="five formulas of the bars; for a table, its columns",
        ),
    ] = None  # fmt: skip
    length: Annotated[
        int | None, Setting("Length of a window.", "DAYS", NETWORK, usual="20; 1 for a table")
    ] = None
    missing: Annotated[
        str | None,
        Setting(
            "Windows with missing values: drop them, or fill in the mean.", "RULE", NETWORK, usual="drop"
        ),
    ] = None
    loss: Annotated[
        str | None,
        Setting(
            "Loss: mse, huber, cross_entropy, ic or rank_ic.",
            "NAME",
            NETWORK,
            usual="mse; cross_entropy for classes",
        ),
    ] = None
    members: Annotated[
        int | None, Setting("Number of networks, which differ in their seed.", "N", NETWORK, usual="1")
    ] = None
    together: Annotated[
        int | None, Setting("Number of networks that are trained as one stack.", "N", NETWORK, flag=False)
    ] = None
    epochs: Annotated[int | None, Setting("Maximum number of epochs.", "N", NETWORK, usual="30")] = None
    batch: Annotated[
        int | None,
        Setting("Windows per batch.", "N", NETWORK, usual="1024; for a table, a sixteenth of its rows"),
    ] = None
    rate: Annotated[float | None, Setting("Learning rate of AdamW.", "X", NETWORK, usual="0.001")] = None
    decay: Annotated[float | None, Setting("Weight decay of AdamW.", "X", NETWORK, flag=False)] = None
    patience: Annotated[
        int | None,
        Setting("Number of epochs without improvement after which training stops.", "N", NETWORK, usual="5"),
    ] = None
    holdout: Annotated[
        float | None,
        Setting(
            "Share of the training days, at their end, that is held out for early stopping; 0 uses the "
            "validation days instead.", "SHARE", NETWORK, usual="0.2",
        ),
    ] = None  # fmt: skip
    seed: Annotated[
        int, Setting("Random seed; the same seed gives the same network.", "N", least=0, below=2**63)
    ] = 0
    device: Annotated[str | None, Setting("Device: cpu, cuda, mps or auto.", "NAME", usual="cpu")] = None
    mixed: Annotated[bool | None, Setting("Compute the layers in bfloat16.", flag=False)] = None
    threads: Annotated[
        int | None,
        Setting("Threads of torch; more threads help large networks only.", "N", usual="1"),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ComparisonSettings:
    """Entries, seeds and level of a comparison."""

    searchers: Annotated[
        dict[str, dict[str, Any]] | None,
        Setting(
            "Entries: the searchers random, gep, policy, blend; the networks dense, conv1d, tcn, gru, lstm, "
            "transformer; the traders dqn, naf, gradient.",
            "NAME,…", COMPARISON, usual="all searchers",
        ),
    ] = None  # fmt: skip
    seeds: Annotated[
        tuple[int, ...],
        Setting("Number of runs of each entry, with seeds 0 to K − 1.", "K", COMPARISON, usual="5"),
    ] = (0, 1, 2, 3, 4)
    level: Annotated[
        float | None,
        Setting(
            "Training score; the table reports how many evaluations each entry needs to reach it.", "X",
            COMPARISON, usual="the worst median of all entries; for a table, an exact formula",
        ),
    ] = None  # fmt: skip


def described(group: type) -> dict[str, tuple[Any, Any, Setting]]:
    """Return type, default and description of each setting of a class, in order."""
    return _described(group)


@cache
def _described(group: type) -> dict[str, tuple[Any, Any, Setting]]:
    hints = get_type_hints(group, include_extras=True)
    found = {}
    for each in fields(group):
        about = [item for item in getattr(hints[each.name], "__metadata__", ()) if isinstance(item, Setting)]
        if about:
            found[each.name] = (hints[each.name].__origin__, _default(each), about[0])
    return found


def _default(each: Field[Any]) -> Any:
    return each.default_factory() if callable(each.default_factory) else each.default


def without_none(kind: Any) -> Any:
    """Return the type of a setting without None: int for int | None."""
    parts = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return next(each for each in parts if each is not NoneType)


def names_of(*groups: type) -> Iterator[str]:
    """Names of the settings of the given classes."""
    return (name for group in groups for name in described(group))


def values_of(recipe: object, *groups: type) -> dict[str, Any]:
    """Values of a recipe for the settings of the given classes, by name."""
    return {name: getattr(recipe, name) for name in names_of(*groups)}
