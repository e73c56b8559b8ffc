"""A missing optional package is reported with its purpose and its extra."""

import sys

import pytest

from quarva._runtime.extras import import_extra, is_installed
from quarva.errors import RunError


def test_a_missing_package_is_named_with_its_extra():
    with pytest.raises(RunError, match=r"^a picture needs no_such_package: .*'quarva\[png\]'$"):
        import_extra("no_such_package.figure", "png", "a picture")


def test_a_fault_inside_an_installed_package_is_not_hidden(tmp_path, monkeypatch):
    (tmp_path / "faulty_package.py").write_text("import no_such_dependency")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        import_extra("faulty_package", "png", "a picture")
    sys.modules.pop("faulty_package", None)


def test_installed_packages_are_known_without_an_import():
    assert is_installed("numpy")
    assert not is_installed("no_such_package")
