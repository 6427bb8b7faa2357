"""Kept for one release for generators written for 0.1: it is :mod:`etl.generator.streams` now."""

from etl.generator.streams import *  # noqa: F403
