"""Reuse of the rows of an earlier build, when only its API, pages, report or checks have changed."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.build import report
from etl.build.manifest import PARQUET
from etl.tables.files import open_regular_file

if TYPE_CHECKING:
    from pathlib import Path

    from etl.build.store import Store
    from etl.config.identity import Identity
    from etl.site.reuse import Taken
    from etl.tables.files import Writer


class Donor(NamedTuple):
    """A build and its manifest."""

    folder: Path
    content: dict[str, Any]

    @property
    def build(self) -> str:
        """Its id."""
        return str(self.content["build"])

    def give_rows(self, files: Writer) -> bool:
        """Add its database and its Parquet files to those of another build. Returns False if one is damaged."""
        database, entries = self.content["pipeline"]["database"], self.content["files"]
        names = [name for name in entries if name == database or name.startswith(f"{PARQUET}/")]
        return all(files.take(name, self.folder, entries[name]) for name in names)

    def has(self, what: str, identity: Identity) -> bool:
        """Whether it has what another build would make: a key of :class:`etl.config.identity.Identity`."""
        return bool(self.content.get("keys", {}).get(what) == identity.keys[what])

    def report_for(self, identity: Identity) -> bytes | None:
        """Its report with the id of another build; None if that has another one, or this one is missing or damaged."""
        entry = self.content["files"].get(report.NAME)
        with contextlib.suppress(OSError):
            if entry and self.has("report", identity):
                with open_regular_file(self.folder / report.NAME) as file:
                    page = file.read()
                if hashlib.sha256(page).hexdigest() == entry["sha256"]:
                    return page.replace(self.build.encode(), identity.id.encode())
        return None

    def answers_for(self, identity: Identity) -> Taken | None:
        """Its answers, if those of another build are made by the same code."""
        from etl.site.reuse import answers_of  # noqa: PLC0415 -- an up-to-date build does not need it

        with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):  # damaged
            if self.has("answers", identity):
                return answers_of(self.folder, self.content)
        return None


def find_donor(store: Store, identity: Identity) -> Donor | None:
    """A build with the rows of an identity, the one used last; None if there is none."""
    found = (Donor(folder, content) for folder, content in store.manifests())
    return next((donor for donor in found if donor.has("rows", identity)), None)
