"""Dependencies of generators: every file and package that can change their rows; nothing is imported."""

from __future__ import annotations

import os
import py_compile
import shutil
import sys
from importlib import import_module, invalidate_caches
from importlib.abc import MetaPathFinder
from importlib.util import spec_from_file_location
from typing import TYPE_CHECKING

import pytest

from etl.config.modules import Code, code_of, files_below, forget, search
from tests.support.small import written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.machinery import ModuleSpec
    from pathlib import Path


def own(code: Code, root: Path) -> set[str]:
    """The files of the project, by their path in it."""
    return {str(path.relative_to(root)) for path in code.project}


SHELF = {"helper.py": "", "shelf/__init__.py": "", "shelf/deep.py": "import helper", "other.py": "", "open/deep.py": ""}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import helper", {"helper.py"}),
        ("def f():\n    if 1:\n        import helper as h", {"helper.py"}),
        ("from helper import *", {"helper.py"}),
        ("import shelf.deep as d", {"shelf/__init__.py", "shelf/deep.py", "helper.py"}),
        ("from shelf import deep", {"shelf/__init__.py", "shelf/deep.py", "helper.py"}),
        ("import open.deep", {"open/deep.py"}),
        ("from importlib import import_module\nimport_module('helper')", {"helper.py"}),
        ("import importlib\nimportlib.import_module('shelf.deep')\n__import__('other')", {*SHELF} - {"open/deep.py"}),
        ("import numpy, json, etl.generator.streams, no_such_module", set()),
    ],
)
def test_every_form_of_import(tmp_path: Path, text: str, expected: set[str]) -> None:
    """Modules and packages of the project count however they are imported, and what they import in turn."""
    root = written(tmp_path, {**SHELF, "library.py": text}).parent
    assert own(code_of(["library"], root), root) == {"library.py", *expected}
    assert not {"library", "helper", "shelf"} & set(sys.modules)


def test_relative_imports_stay_in_the_package(tmp_path: Path) -> None:
    """A package counts with all its modules, so whatever they import of each other is there."""
    files = {"books/__init__.py": "", "books/made.py": "from . import days\nfrom .days import day", "books/days.py": ""}
    assert own(code_of(["books.made"], written(tmp_path, files).parent), tmp_path) == set(files)


def test_a_circle_of_imports_and_of_links(tmp_path: Path) -> None:
    """Modules that import each other, and a folder that is linked into itself, are looked at once."""
    written(tmp_path, {"library.py": "import shelf", "shelf/__init__.py": "import library"})
    (tmp_path / "shelf/again").symlink_to(tmp_path / "shelf")
    assert own(code_of(["library"], tmp_path), tmp_path) == {"library.py", "shelf/__init__.py"}


@pytest.mark.parametrize(
    "source",
    [
        b"def (",
        b"# coding: latin-1\nx = '\xe9'",
        b"x = '\xe9'",
        b"# coding: nope\n",
        b"\0",
        b"x = " + b"(" * 9000,
        b"'\\d'",
    ],
    ids=range(7),
)
def test_a_broken_module_counts_as_a_file(tmp_path: Path, source: bytes) -> None:
    """A module that cannot be parsed counts; validation reports it."""
    (tmp_path / "library.py").write_bytes(source)
    assert own(code_of(["library"], tmp_path), tmp_path) == {"library.py"}


@pytest.mark.parametrize("name", ["", "..", "a b", "no_such_module", "__main__", "json", "etl.school.classes"])
def test_names_without_files(tmp_path: Path, name: str) -> None:
    """Unknown names, the standard library and etl have no files here."""
    assert code_of([name], tmp_path) == Code()


def install(site: Path, name: str, version: str, files: Mapping[str, str], requires: str = "") -> None:
    """Lay a package out as pip does; the hashes are its installer's word."""
    noted = "".join(f"{file},sha256={text.encode().hex()},{len(text)}\n" for file, text in files.items())
    note = f"{name}-{version}.dist-info"
    text = f"Name: {name}\nVersion: {version}\n" + (f"Requires-Dist: {requires}\n" if requires else "")
    written(site, {**files, f"{note}/RECORD": f"{noted}../../bin/x,sha256=1,1\n", f"{note}/METADATA": text})


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages: one that makes rows, one that it imports, one that that one requires."""
    folder = tmp_path / "site"
    install(folder, "Row_maker", "1.0", {"rowmaker/__init__.py": "import names"})
    install(folder, "some.names", "2.0", {"names.py": ""}, "Letters >= 1; python_version > '3'")
    install(folder, "letters", "3.0", {"letters/__init__.py": ""})
    install(folder, "unused", "4.0", {"unused.py": ""})
    monkeypatch.syspath_prepend(folder)
    return folder


def test_installed_packages(tmp_path: Path, site: Path) -> None:
    """Version and modules count of the packages that a generator is from, imports and requires, and of no other."""
    before = code_of(["rowmaker"], tmp_path)
    assert {name: version for name, (version, _) in before.installed.items()} == {
        "Row_maker": "1.0",
        "some.names": "2.0",
        "letters": "3.0",
    }
    assert before.outside == {"rowmaker/__init__.py": site / "rowmaker/__init__.py"}  # edited there, it counts too
    assert before.project == []
    shutil.rmtree(site / "letters-3.0.dist-info")
    install(site, "letters", "3.1", {"letters/__init__.py": ""})
    install(site, "some.names", "2.0", {"names.py": "# the same version, built again"}, "Letters")
    invalidate_caches()  # a folder that changes twice within a tick of its clock
    after = code_of(["rowmaker"], tmp_path)
    assert after.installed["letters"][0] == "3.1"
    assert after.installed["Row_maker"] == before.installed["Row_maker"]
    assert after.installed["some.names"] != before.installed["some.names"]
    (site / "Row_maker-1.0.dist-info/METADATA").unlink()
    assert code_of(["rowmaker"], tmp_path).installed["rowmaker"][0] == ""


def test_files_without_a_record(tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in PYTHONPATH, or a package that is installed to be edited, counts with its files."""
    written(site, {"loose.py": "import looser, edited", "looser/__init__.py": "", "looser/deep.py": ""})
    edited = written(tmp_path / "src", {"edited/__init__.py": ""}).with_name("edited") / "__init__.py"
    install(site, "edited", "1.0", {"__editable___edited_finder.py": ""})

    class Finder(MetaPathFinder):
        """What an installer makes for a package that is edited elsewhere."""

        def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
            return spec_from_file_location(name, edited) if name == "edited" else None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    found = code_of(["loose"], tmp_path)
    assert set(found.outside) == {"loose/loose.py", "looser/__init__.py", "looser/deep.py", "edited/__init__.py"}
    assert found.installed == {}


def test_files_below_a_folder(tmp_path: Path) -> None:
    """Every file, whatever its name, except compiled ones; a missing folder is an error."""
    written(tmp_path, {"a/b.txt": "", "a/.c": "", "a/__pycache__/d.pyc": "", "z": ""})
    assert [str(path.relative_to(tmp_path)) for path in files_below(tmp_path)] == ["z", "a/.c", "a/b.txt"]
    with pytest.raises(FileNotFoundError):
        list(files_below(tmp_path / "none"))


def test_an_edit_that_keeps_size_and_time_is_seen(tmp_path: Path) -> None:
    """Modules are made of their source, whatever Python has compiled before; nothing is compiled for later."""
    names = [f"{kind}_{tmp_path.name}" for kind in ("single", "package", "open")]
    single, package, opened = (
        tmp_path / name for name in (f"{names[0]}.py", f"{names[1]}/__init__.py", f"{names[2]}/x.py")
    )
    for path in (single, package, opened):
        path.parent.mkdir(exist_ok=True)
        path.write_text("x = 1")
        py_compile.compile(str(path))
        before = path.stat()
        path.write_text("x = 2")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    search(tmp_path)
    search(tmp_path)
    try:
        made = [import_module(name) for name in (*names[:2], f"{names[2]}.x")]
        assert [module.x for module in made] == [2, 2, 2]
        assert sys.path.count(str(tmp_path)) == 1
    finally:
        forget(tmp_path)
    assert not {name for name in sys.modules if name.endswith(tmp_path.name)}
    assert str(tmp_path) not in sys.path
