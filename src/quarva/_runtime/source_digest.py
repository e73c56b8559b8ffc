"""Digests of source code: a file together with every file of its packages that it imports.

A digest covers the syntax tree without docstrings, so that editing prose does not recompile a kernel.
Imports are read from the source and not from the running process: a class that appears only as the type of
an argument, or a module that computes a constant, changes the machine code just as a called function does.
"""

import ast
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["source_digest"]

# The text of a syntax tree differs between versions of Python.
_FORMAT = f"1-{sys.version_info[0]}.{sys.version_info[1]}"


class _Import(NamedTuple):
    """`from ..module import name` has level 2; `import module` has level 0 and no name."""

    level: int
    module: str
    name: str


class _Code(NamedTuple):
    digest: str
    imports: tuple[_Import, ...]


def source_digest(path: str | os.PathLike[str], memo: Path) -> bytes:
    """Digest of a source file and of all files that it imports, directly or not.

    Only imports from the file's own top-level package and from this one are followed; for a script these
    are the modules beside it.

    Parameters
    ----------
    path : the source file.
    memo : folder in which the digests of single files are kept by content, since parsing costs milliseconds
        a file; it is created when needed and may be deleted at any time.

    Returns
    -------
    bytes
        32 bytes, the same wherever the files lie.

    Raises
    ------
    OSError : a file cannot be read.
    SyntaxError : a file is not Python.
    """
    return _closure_digest(str(Path(path).resolve()), str(memo))


@cache
def _closure_digest(path: str, memo: str) -> bytes:
    found = {path: _code(path, memo)}
    waiting = [path]
    while waiting:
        importer = waiting.pop()
        for imported in _imported_files(importer, found[importer].imports):
            if imported not in found:
                found[imported] = _code(imported, memo)
                waiting.append(imported)
    digests = sorted(code.digest for code in found.values())
    return hashlib.sha256("".join([found[path].digest, *digests]).encode()).digest()


def _imported_files(importer: str, imports: tuple[_Import, ...]) -> Iterator[str]:
    for level, module, name in imports:
        if level:
            folder = Path(importer).parents[level - 1]
            bases = [str(folder)]
        else:
            bases = [_import_root(importer), _import_root(__file__)]
        for base in bases:
            parts = module.split(".") if module else []
            # A name may be a submodule; if it is not, the package or module itself defines it.
            file = _module_file(base, (*parts, name)) if name else None
            file = file or _module_file(base, tuple(parts))
            if file is not None:
                yield file
                break


@cache
def _import_root(path: str) -> str:
    """Folder that holds the top-level package of a file."""
    folder = Path(path).resolve().parent
    while (folder / "__init__.py").exists():
        folder = folder.parent
    return str(folder)


@cache
def _module_file(base: str, parts: tuple[str, ...]) -> str | None:
    place = Path(base, *parts)
    for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):
        if file.is_file():
            return str(file)
    return None


@cache
def _code(path: str, memo: str) -> _Code:
    """Digest and imports of one file, from the memo where its content is known."""
    source = Path(path).read_bytes()
    kept = Path(memo) / hashlib.sha256(_FORMAT.encode() + source).hexdigest()
    with suppress(OSError, ValueError, TypeError, KeyError):
        return _from_json(kept.read_text(encoding="utf-8"))
    code = _parse(source)
    with suppress(OSError):
        _write(kept, _to_json(code))
    return code


def _parse(source: bytes) -> _Code:
    tree = ast.parse(source)
    imports = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [_Import(0, alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports += [_Import(node.level, node.module or "", alias.name) for alias in node.names]
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_text(body[0]):
            del body[0]
    text = ast.dump(tree)
    return _Code(hashlib.sha256(text.encode()).hexdigest(), tuple(dict.fromkeys(imports)))


def _is_text(statement: ast.AST) -> bool:
    """A docstring, or a string that stands alone as a comment."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _to_json(code: _Code) -> str:
    fields: dict[str, Any] = {"digest": code.digest, "imports": code.imports}
    return json.dumps(fields | {"seal": _seal(code)})


def _from_json(text: str) -> _Code:
    """The code that `_to_json` wrote; ValueError, TypeError or KeyError if the text is damaged."""
    fields = json.loads(text)
    code = _Code(fields["digest"], tuple(_Import(*each) for each in fields["imports"]))
    if fields["seal"] != _seal(code):
        raise ValueError("damaged")
    return code


def _seal(code: _Code) -> str:
    return hashlib.sha256(repr(code).encode()).hexdigest()


def _write(path: Path, text: str) -> None:
    """Write a whole file or none; several processes may write the same one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).replace(path)
