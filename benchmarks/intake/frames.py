"""Changes of pandas frames; each returns a frame, Parquet or CSV."""

import io
import random
from collections.abc import Callable

import pandas as pd

from intake.files import Changed, Frame

__all__ = ["FRAME_CHANGES", "changed_frame"]


def _parquet(frame: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.to_parquet(out)
    return out.getvalue()


def parquet_as_it_is(frame: pd.DataFrame, _rng: random.Random) -> "pd.DataFrame | bytes":
    return _parquet(frame)


def parquet_truncated(frame: pd.DataFrame, rng: random.Random) -> bytes:
    content = _parquet(frame)
    return content[: rng.randrange(8, len(content))]


def frame_columns_shuffled(frame: pd.DataFrame, rng: random.Random) -> "pd.DataFrame | bytes":
    shuffled = frame.iloc[:, rng.sample(range(frame.shape[1]), frame.shape[1])]
    return rng.choice([shuffled, _parquet(shuffled)])


def frame_dates_in_another_type(frame: pd.DataFrame, rng: random.Random) -> "pd.DataFrame | bytes":
    def changed(dates: pd.DatetimeIndex) -> object:
        kind = rng.choice(["text", "whole", "zone", "ms", "period", "date"])
        if kind == "text":
            return dates.strftime("%Y-%m-%d")
        if kind == "whole":
            return dates.strftime("%Y%m%d").astype(int)
        if kind == "zone":
            return dates.tz_localize(rng.choice(["UTC", "America/New_York", "Asia/Shanghai"]))
        if kind == "ms":
            return (dates.astype("datetime64[ms]").astype("int64")).astype("int64")
        return dates.to_period("D") if kind == "period" else dates.date

    if "Date" in frame.columns:
        frame["Date"] = changed(pd.DatetimeIndex(frame["Date"]))
    elif isinstance(frame.index, pd.DatetimeIndex):
        frame = frame.set_index(pd.Index(changed(frame.index), name=frame.index.name))
    return frame


def frame_index_shuffled(frame: pd.DataFrame, rng: random.Random) -> "pd.DataFrame | bytes":
    """Row labels in random order, unless rows are labelled by dates."""
    if "Date" in frame.columns:
        frame = frame.set_index(pd.Index(rng.sample(range(len(frame)), len(frame))))
    return rng.choice([frame, _parquet(frame)])


def frame_level_twice(frame: pd.DataFrame, _rng: random.Random) -> "pd.DataFrame | bytes":
    """A column or an index level that occurs twice."""
    if isinstance(frame.index, pd.MultiIndex):
        return frame.assign(Date=frame.index.get_level_values("Date"))
    if "Date" in frame.columns:
        return frame.set_index("Date", drop=False)
    return frame


def frame_names_of_levels_gone(frame: pd.DataFrame, rng: random.Random) -> "pd.DataFrame | bytes":
    frame = frame.rename_axis(columns=[None] * frame.columns.nlevels)
    if frame.columns.nlevels == 2 and rng.random() < 0.5:
        frame = frame.swaplevel(axis=1)
    if isinstance(frame.index, pd.MultiIndex):
        frame = frame.rename_axis(index=[None, None])
    return rng.choice([frame, _parquet(frame)])


def frame_index_as_columns(frame: pd.DataFrame, rng: random.Random) -> "pd.DataFrame | bytes":
    frame = frame.reset_index()
    return rng.choice([frame, _parquet(frame)])


def frame_numbers_as_text(frame: pd.DataFrame, _rng: random.Random) -> "pd.DataFrame | bytes":
    for place in range(frame.shape[1]):
        if pd.api.types.is_float_dtype(frame.dtypes.iloc[place]):
            frame.isetitem(place, frame.iloc[:, place].map(lambda value: repr(float(value))))
    return frame


def frame_nullable(frame: pd.DataFrame, _rng: random.Random) -> "pd.DataFrame | bytes":
    return frame.convert_dtypes()


def frame_as_csv(frame: pd.DataFrame, _rng: random.Random) -> "pd.DataFrame | bytes":
    return frame.to_csv().encode()


def frame_rows_twice(frame: pd.DataFrame, _rng: random.Random) -> "pd.DataFrame | bytes | None":
    return pd.concat([frame, frame.iloc[:1]])


def frame_without_names(frame: pd.DataFrame, _rng: random.Random) -> "pd.DataFrame | bytes | None":
    frame = frame.reset_index()
    return frame.set_axis(range(frame.shape[1]), axis=1)


FRAME_CHANGES: tuple[tuple[Callable[[pd.DataFrame, random.Random], object], bool], ...] = (
    (parquet_as_it_is, True), (parquet_truncated, False), (frame_columns_shuffled, True),
    (frame_dates_in_another_type, True), (frame_index_shuffled, True), (frame_level_twice, True),
    (frame_names_of_levels_gone, True), (frame_index_as_columns, True), (frame_numbers_as_text, True),
    (frame_nullable, True), (frame_as_csv, True), (frame_rows_twice, False), (frame_without_names, False),
)  # fmt: skip
"""Each change of a frame, and whether the result can be read right."""


def changed_frame(
    frame: Frame, change: Callable[[pd.DataFrame, random.Random], object], rng: random.Random
) -> Changed:
    """Return a frame after a change, as a frame, Parquet or CSV."""
    content = change(frame.make(), rng)
    suffix = ".csv" if isinstance(content, bytes) and content[:4] != b"PAR1" else ".parquet"
    return Changed(content, (), suffix)  # type: ignore[arg-type]
