"""The scaffolding: lock files, make targets, CI and the scheduled workflows."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RUNTIME, DEV = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
TARGETS = {"help", "run", "serve", "test", "lint", "torture", "bench", "study", "lock", "clean"}

# Joined here, so that this file does not name what it looks for.
HOSTS = [".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("yarnpkg", "com"))]
INDEX_LINE = re.compile(r"^\s*(--(extra-)?index-url|--find-links|--trusted-host|-i|-f)[ =]|^registry\s*=", re.MULTILINE)
PIN = re.compile(r"^([\w.-]+)==(\S+)(?: ; ([^\\]+?))? \\$((?:\n +--hash=sha256:[0-9a-f]{64}(?: \\)?$)*)", re.MULTILINE)


@cache
def pyproject() -> dict[str, dict[str, list[str]]]:
    """Read pyproject.toml's tables."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@cache
def pins(lock: Path) -> dict[str, tuple[str, str, int]]:
    """Map each package of a lock file to its version, its marker and how many hashes it has."""
    found = PIN.findall(lock.read_text())
    return {name: (version, marker, hashes.count("--hash=")) for name, version, marker, hashes in found}


def requirements(group: str) -> list[Requirement]:
    """List what pyproject.toml asks for at run time, or in a dependency group."""
    lines = pyproject()["project"]["dependencies"] if group == "runtime" else pyproject()["dependency-groups"][group]
    return [Requirement(line) for line in lines]


def project_files() -> Iterator[tuple[str, str]]:
    """Yield name and text of every file that is committed, or would be by the next ``git add``."""
    if not (ROOT / ".git").exists():
        if os.environ.get("CI"):
            pytest.fail("CI must test a git clone: only git knows which files are tracked")
        pytest.skip("not a git clone: only git knows which files are tracked")
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            yield name, (ROOT / name).read_bytes().decode("utf-8", errors="replace")


@pytest.mark.parametrize("schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_workflows_are_valid(schema: str) -> None:
    """Every workflow fits GitHub's schema, and every job in it has a time limit."""
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, WORKFLOWS)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflows_have_read_only_permissions() -> None:
    """No workflow has write permissions, except the job that publishes to Pages."""
    for file in WORKFLOWS:
        workflow = yaml.safe_load(file.read_text())
        assert workflow["permissions"] == {"contents": "read"}
        granted = {name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job}
        assert granted == ({"publish": {"id-token": "write", "pages": "write"}} if file.stem == "rebuild" else {})


def test_workflow_actions_are_pinned_by_commit() -> None:
    """Every action is pinned by 40 hex digits, with its version beside them, because a tag can be moved."""
    used = [line.strip(" -") for file in WORKFLOWS for line in file.read_text().splitlines() if "uses:" in line]
    assert used
    pinned = re.compile(r"uses: [\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [line for line in used if not pinned.fullmatch(line)] == []


@pytest.mark.parametrize("lock", [RUNTIME, DEV], ids=lambda lock: lock.name)
def test_lock_pins_everything_with_hashes(lock: Path) -> None:
    """Every line of a lock file is a comment, or a package's one version with its hashes."""
    rest = PIN.sub("", lock.read_text()).splitlines()
    assert [line for line in rest if line.strip() and not line.lstrip().startswith("#")] == []
    assert [name for name, (_, _, hashes) in pins(lock).items() if not hashes] == []
    assert len(PIN.findall(lock.read_text())) == len(pins(lock))


@pytest.mark.parametrize("example", ["dashboard", "drizzle"])
def test_lock_of_an_example_names_no_registry(example: str) -> None:
    """The lock file pins versions and hashes, and names no registry."""
    lock = json.loads((ROOT / "examples" / example / "package-lock.json").read_text(encoding="utf-8"))
    packages = [package for path, package in lock["packages"].items() if path]
    assert packages
    assert all("integrity" in package and "resolved" not in package for package in packages)


@pytest.mark.parametrize(("group", "lock"), [("runtime", RUNTIME), ("runtime", DEV), ("dev", DEV)])
def test_lock_covers_pyproject(group: str, lock: Path) -> None:
    """Each requirement of pyproject.toml is in the lock file, in a version that it allows."""
    for requirement in requirements(group):
        name = canonicalize_name(requirement.name)
        assert name in pins(lock), f"{lock.name} lacks {name}: make lock"
        assert requirement.specifier.contains(pins(lock)[name][0]), f"{lock.name} has another {name}: make lock"


def test_locks_agree() -> None:
    """The development lock contains every pin of the runtime lock, with the same hashes."""
    assert pins(RUNTIME).items() <= pins(DEV).items()


def test_runtime_lock_has_no_development_packages() -> None:
    """No package that only development needs is installed for a run."""
    only_dev = {canonicalize_name(requirement.name) for requirement in requirements("dev")}
    assert only_dev & set(pins(RUNTIME)) == set()


def test_extension_has_duckdbs_version() -> None:
    """DuckDB loads only an extension of its own version, so both are pinned to the same one."""
    exact = {requirement.name: str(requirement.specifier) for requirement in requirements("runtime")}
    assert exact["duckdb"] == exact["duckdb-extension-sqlite-scanner"] == f"=={pins(RUNTIME)['duckdb'][0]}"


def test_no_file_names_a_package_registry() -> None:
    """No file names a package registry: that is the machine's setting."""
    named = [(name, host) for name, text in project_files() for host in HOSTS if host in text]
    assert named == []
    assert [name for name, text in project_files() if INDEX_LINE.search(text)] == []


def test_no_file_contains_the_path_of_the_project() -> None:
    """No file contains the path of the project's folder."""
    if len(ROOT.parts) > 2:  # "/app" could stand in a file by chance
        assert [name for name, text in project_files() if str(ROOT) in text] == []


def test_make_lists_its_targets() -> None:
    """``make`` alone lists every target with a description."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    listing = subprocess.run(["make"], cwd=ROOT, env=plain, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^make (\w+) +\S", listing, re.MULTILINE)) == TARGETS


MAKE = """#!/bin/sh
printf '%s\\t%s\\t%s\\n' "$*" "$COLUMNS" "$PWD" >> "$MADE"
test -f kept.txt && test ! "$1" = "$FAILS"
"""


@pytest.mark.parametrize(("fails", "targets"), [("none", ["lint", "test"]), ("lint", ["lint"])])
def test_ci_lints_and_tests_in_a_copy(tmp_path: Path, fails: str, targets: list[str]) -> None:
    """``.ci/run`` makes lint and test in a copy with a long path, a space and an umlaut, and leaves nothing behind."""
    project, tools, temporary = tmp_path / "project", tmp_path / "tools", tmp_path / "temporary"
    for folder in (project / ".ci", tools, temporary):
        folder.mkdir(parents=True)
    (project / "kept.txt").touch()
    shutil.copy(ROOT / ".ci" / "run", project / ".ci" / "run")
    for tool, text in (("make", MAKE), ("chromium", "#!/bin/sh\n")):
        (tools / tool).write_text(text)
        (tools / tool).chmod(0o755)
    made = {"MADE": str(tmp_path / "made"), "FAILS": fails, "TMPDIR": str(temporary)}
    env = {**os.environ, **made, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    assert subprocess.run([project / ".ci" / "run"], env=env, check=False).returncode == (fails != "none")
    calls = [line.split("\t") for line in (tmp_path / "made").read_text(encoding="utf-8").splitlines()]
    assert [target for target, _, _ in calls] == targets
    assert all(columns == "40" for _, columns, _ in calls)
    assert all(len(place) > 150 and " " in place and not place.isascii() for _, _, place in calls)
    assert list(temporary.iterdir()) == []
