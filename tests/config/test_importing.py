"""How modules of a project are imported: as they are, and for as long as the project is looked at."""

from __future__ import annotations

import os
import py_compile
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from etl.config.importing import forget, search

if TYPE_CHECKING:
    from pathlib import Path


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
