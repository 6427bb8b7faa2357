"""The list of licences is what is installed, and nothing in it stands against ours."""

from __future__ import annotations

import re

import pytest

from tests import licences


@pytest.mark.parametrize("package", licences.packages())
def test_every_licence_goes_with_ours(package: str) -> None:
    """Each package that a run installs stands under licences that allow ours, by its own metadata."""
    assert set(re.split(r" AND | OR ", licences.licence(package))) <= licences.COMPATIBLE


def test_the_list_is_true() -> None:
    """docs/licences.md says what ``python -m tests.licences`` would write."""
    assert licences.FILE.read_text(encoding="utf-8") == licences.text(), "write it anew: python -m tests.licences"
