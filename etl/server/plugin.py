"""The Datasette plugin: the API's routes, and JSON columns that a person can read. Hooks that 0.65 and 1.0 share."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import sys
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from datasette import handle_exception as datasette_errors
from datasette import hookimpl
from datasette.app import Datasette
from datasette.plugins import pm
from datasette.utils.asgi import Base400, NotFound
from datasette.views.base import DatasetteError
from markupsafe import Markup

from etl.server.log import log_failure
from etl.site.datasette import EXPLORING, HARDENED
from etl.site.pages import BROWSER_STYLE_URL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from datasette.utils.asgi import Request

    from etl.server.api import Api

#: The API over the same build as a Datasette.
APIS: WeakKeyDictionary[Datasette, Api] = WeakKeyDictionary()


INTERNAL = 500

#: Home, a database, a table or query of it, as pages link to them.
_PLAIN = re.compile(r"/([\w-]+(/[\w-]+)?)?\Z")

#: What cannot be parsed, looked up or bound; and SQL that cannot be compiled, run as it is written, or had in time.
#: An error without a code comes before SQLite: what cannot be bound.
_CLIENTS = (ValueError, TypeError, LookupError, ArithmeticError, AssertionError)
_CLIENTS_SQL = {
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_RANGE,
}


def make_datasette(folder: Path, *, explore: bool) -> Datasette:
    """A Datasette that serves a build, hardened unless a person at this machine explores."""
    register()
    inspected = json.loads((folder / "inspect-data.json").read_text(encoding="utf-8"))
    application = Datasette(
        immutables=[str(folder / database["file"]) for database in inspected.values()],
        inspect_data=inspected,
        metadata=json.loads((folder / "metadata.json").read_text(encoding="utf-8")),
        settings=EXPLORING if explore else HARDENED,
    )
    prepare(application)
    return application


def register() -> None:
    """Make it known to Datasette, once, in the place of its own handler of errors."""
    if not pm.has_plugin(__name__):
        datasette_errors.rich = None  # it would print every local variable of every refused request
        pm.unregister(datasette_errors)
        pm.register(sys.modules[__name__], name=__name__)


@hookimpl  # type: ignore[untyped-decorator]  # Datasette has no types
def handle_exception(datasette: Datasette, request: Request, exception: Any) -> object:  # noqa: ANN401 -- as above
    """Answer a refused request as Datasette does; say of anything else only that it failed."""
    cause = exception.__context__  # Datasette says of all that SQLite refuses that its SQL is invalid
    cause = cause if isinstance(cause, sqlite3.Error) else exception
    if isinstance(cause, (Base400, DatasetteError)):
        if exception.status == INTERNAL:  # Datasette's choice where it refuses and names no status
            exception.status = 400
    elif _is_clients(request, cause):
        exception = DatasetteError("The address cannot be understood, or asks for too much.", status=400)
    else:
        log_failure(cause)
        exception = DatasetteError("The server failed; its log says why.", status=500)
    return datasette_errors.handle_exception(datasette, request, exception)


def _is_clients(request: Request, exception: Exception) -> bool:
    """Whether an error that Datasette did not foresee is the client's mistake.

    The pages that others link to need no more than their path. So where there is a row, a format or a query, that is to
    blame for what cannot be parsed, looked up or bound, and for SQL that SQLite does not understand; but not for a file
    or a disk that fails.
    """
    if not request.query_string and _PLAIN.match(request.path):
        return False
    if isinstance(exception, sqlite3.Error):
        return getattr(exception, "sqlite_errorcode", sqlite3.SQLITE_ERROR) in _CLIENTS_SQL
    return isinstance(exception, _CLIENTS)


@hookimpl  # type: ignore[untyped-decorator]  # as above
def register_routes(datasette: Datasette) -> list[tuple[str, Callable[..., Awaitable[None]]]]:
    """Everything below /api is the API's."""

    async def api(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 -- ASGI
        if datasette not in APIS:
            raise NotFound("no API")
        await APIS[datasette](scope, receive, send)

    return [(r"/api(/.*)?$", api)]


@hookimpl  # type: ignore[untyped-decorator]  # as above
def extra_css_urls() -> list[str]:
    """What Datasette's pages lack on a phone; the server has it."""
    return [BROWSER_STYLE_URL]


@hookimpl  # type: ignore[untyped-decorator]  # as above
def render_cell(value: object, column: str) -> Markup | None:
    """Show ``{"1":5420,"2":5510}`` as a short list that wraps."""
    if not column.endswith("_scores") or not isinstance(value, str) or not value.startswith("{"):
        return None
    try:
        members = json.loads(value)
    except ValueError:
        return None
    item = Markup('<span style="white-space: nowrap">{}: {}</span>')
    return Markup(" &middot; ").join(item.format(key, member) for key, member in members.items())


class _Stop(BaseException):
    """Ends a thread that waits for work without end."""


def prepare(datasette: Datasette) -> None:
    """Let its writing threads end, which Datasette never stops; and let no SQL that strangers shape into the log."""

    def until_stopped(endless: Callable[[], None]) -> None:
        with contextlib.suppress(_Stop):
            endless()

    async def quietly(execute: Callable[..., Awaitable[object]], *arguments: object, **options: object) -> object:
        return await execute(*arguments, **{**options, "log_sql_errors": False})

    for database in datasette.databases.values():
        database._execute_writes = partial(until_stopped, database._execute_writes)  # noqa: SLF001 -- no other way
        database.execute = partial(quietly, database.execute)


def close(datasette: Datasette) -> None:
    """End what a retired Datasette would keep for ever: open files and threads."""

    def stop(_: object) -> None:
        raise _Stop

    for database in datasette.databases.values():
        database.close()
        if database._write_queue is not None:  # noqa: SLF001 -- as above
            database._write_queue.put(SimpleNamespace(fn=stop))  # noqa: SLF001 -- as above
    if datasette.executor is not None:
        datasette.executor.shutdown(wait=False)
