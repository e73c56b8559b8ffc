"""Detection of the encoding of a text file."""

import codecs
import itertools
import re
from collections.abc import Iterable

from quarva.panel.vendors import meaning_of

__all__ = ["encoding_of"]

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_LEGACY = ("gb18030", "big5", "cp932", "cp949", "cp1251", "cp1250", "cp1254", "cp1252")
_SIGNS = "€£¥§°²³µ·–—‘’“”…©®™ªº«»¿¡×"


def encoding_of(sample: bytes, *, whole: bool) -> str | None:
    """Detect the encoding of a file from its beginning.

    Parameters
    ----------
    sample : bytes
        Beginning of the file.
    whole : bool
        Whether `sample` is the whole file. Otherwise its last character may be incomplete.

    Returns
    -------
    str or None
        Name of a Python codec; '' if the file is not text, None if the encoding cannot be determined.

    Notes
    -----
    UTF-8, UTF-16 and UTF-32, with or without a byte order mark, are recognised by their bytes, and a legacy
    encoding by the known column names that the header has in it. Otherwise isolated accented letters among
    ASCII letters indicate Windows-1252.
    """
    by_mark = next((name for mark, name in _BYTE_ORDER_MARKS if sample.startswith(mark)), None)
    if by_mark is not None:
        return by_mark if _decodes(sample, by_mark, whole) else ""
    if b"\0" in sample:
        return _detect_wide(sample, whole)
    if re.search(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]", sample):
        return ""
    if _decodes(sample, "utf-8", whole):
        return "utf-8"
    return _detect_by_header(sample, whole) or ("cp1252" if _is_western(sample, whole) else None)


def _decodes(sample: bytes, encoding: str, whole: bool) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(sample, final=whole)
    except UnicodeError:
        return False
    return True


def _detect_wide(sample: bytes, whole: bool) -> str:
    """Detect UTF-16 or UTF-32 without a byte order mark by the positions of zero bytes."""
    even = sample[: len(sample) // 4 * 4]
    zeros = [even[place::4].count(0) / max(1, len(even) // 4) for place in range(4)]
    shapes = {"utf-32-le": "1000", "utf-32-be": "0001", "utf-16-le": "1010", "utf-16-be": "0101"}
    for name, shape in shapes.items():
        fits = all((share < 0.05) if place == "1" else (share > 0.6) for share, place in zip(zeros, shape))
        if fits and _decodes(sample, name, whole):
            return name
    return ""


def _detect_by_header(sample: bytes, whole: bool) -> str | None:
    """Legacy encoding in which most of the non-ASCII header cells are known names; None if there is none."""
    header = next((line for line in re.split(rb"[\r\n]+", sample) if line.strip()), b"")
    cells = [cell for cell in re.split(rb"[,;\t|]", header) if any(byte > 127 for byte in cell)]
    best, most = None, 0
    for name in _LEGACY:
        if cells and _decodes(sample, name, whole):
            known = sum(meaning_of(text.strip(' "')) is not None for text in _decoded(cells, name))
            best, most = (name, known) if known > most else (best, most)
    return best


def _decoded(cells: Iterable[bytes], encoding: str) -> Iterable[str]:
    return (cell.decode(encoding, errors="replace") for cell in cells)


def _is_western(sample: bytes, whole: bool) -> bool:
    """Whether non-ASCII letters are isolated or in pairs, as in Western European words."""
    if not _decodes(sample, "cp1252", whole):
        return False
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", sample)]
    letters = set(itertools.chain.from_iterable(sample.decode("cp1252"))) - set(map(chr, range(128)))
    usual = all(letter.isalpha() or letter in _SIGNS for letter in letters)
    return usual and max(runs) <= 2 and runs.count(1) > 0.8 * len(runs)
