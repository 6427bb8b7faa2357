"""The list of licences is what is installed, and nothing in it stands against ours."""

from __future__ import annotations

import re

import pytest

from tests import licences


@pytest.mark.parametrize("package", licences.packages())
def test_licences_are_compatible(package: str) -> None:
    """The metadata of each run-time package names licences that are compatible with the project's."""
    assert set(re.split(r" AND | OR ", licences.licence(package))) <= licences.COMPATIBLE


def test_list_is_up_to_date() -> None:
    """docs/licences.md is what ``python -m tests.licences`` would write."""
    assert licences.FILE.read_text(encoding="utf-8") == licences.text(), "write it anew: python -m tests.licences"
