"""Kept for one release for generators written for 0.1: it is :mod:`etl.generator.params` now."""

from etl.generator.params import *  # noqa: F403
