"""Digests of source code: a file together with all files that it imports from its own packages.

A digest covers the syntax tree without docstrings and attribute texts, so that editing prose does not
recompile a kernel. Imports are read from the source and not from the running process. A class that appears
only as the type of an argument, or a module that computes a constant, changes the machine code just as a
called function does.
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

# The dump of a syntax tree differs between versions of Python.
_FORMAT = f"2-{sys.version_info[0]}.{sys.version_info[1]}"


class _Import(NamedTuple):
    """One import: `from ..module import name` has level 2, `import module` has level 0 and an empty name."""

    level: int
    module: str
    name: str


class _Code(NamedTuple):
    """Digest and imports of a single file."""

    digest: str
    imports: tuple[_Import, ...]


def source_digest(path: str | os.PathLike[str], memo: Path) -> bytes:
    """Digest of a source file and of all files that it imports, directly or indirectly.

    Only imports from the file's own top-level package and from this package are followed. For a script, these
    are the modules in its folder.

    Parameters
    ----------
    path : str or os.PathLike
        The source file.
    memo : Path
        Folder that stores the digests of single files by their content, because parsing takes milliseconds
        per file. It is created on demand and may be deleted at any time.

    Returns
    -------
    bytes
        32 bytes that do not depend on where the files are.

    Raises
    ------
    OSError
        A file cannot be read.
    SyntaxError
        A file is not valid Python.
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
    """Folder that contains the top-level package of a file."""
    folder = Path(path).resolve().parent
    while (folder / "__init__.py").exists():
        folder = folder.parent
    return str(folder)


@cache
def _module_file(base: str, parts: tuple[str, ...]) -> str | None:
    module = Path(base, *parts)
    for file in (module / "__init__.py", module.with_name(f"{module.name}.py")):
        if file.is_file():
            return str(file)
    return None


@cache
def _code(path: str, memo: str) -> _Code:
    """Digest and imports of one file, taken from the memo if the memo has its content."""
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
        if isinstance(body, list):
            body[:] = [statement for statement in body if not _is_text(statement)]
    text = ast.dump(tree)
    return _Code(hashlib.sha256(text.encode()).hexdigest(), tuple(dict.fromkeys(imports)))


def _is_text(statement: ast.AST) -> bool:
    """True for an expression statement that is a string."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _to_json(code: _Code) -> str:
    fields: dict[str, Any] = {"digest": code.digest, "imports": code.imports}
    return json.dumps(fields | {"checksum": _checksum(code)})


def _from_json(text: str) -> _Code:
    """Inverse of `_to_json`; raises ValueError, TypeError or KeyError if the text is damaged."""
    fields = json.loads(text)
    code = _Code(fields["digest"], tuple(_Import(*each) for each in fields["imports"]))
    if fields["checksum"] != _checksum(code):
        raise ValueError("damaged")
    return code


def _checksum(code: _Code) -> str:
    return hashlib.sha256(repr(code).encode()).hexdigest()


def _write(path: Path, text: str) -> None:
    """Write a file atomically, since several processes may write the same one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).replace(path)
