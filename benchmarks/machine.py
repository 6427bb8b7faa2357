"""Which machine this is, in a few lines, without a name or a path of it."""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path

import psutil


def describe() -> list[str]:
    """The machine as the results tell it."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return [
        *size(),
        f"{platform.system()} {platform.release()}, {platform.machine()}",
        f"load average before the first run: {load}",
    ]


def size() -> list[str]:
    """How large the machine is."""
    return [
        f"{_processor() or platform.machine()}, {psutil.cpu_count()} cores",
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB of memory",
    ]


def _processor() -> str:
    """The processor's name, where Linux tells it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return ""
