"""Datasette over a build, with its plugin for errors and JSON columns. The hooks exist in Datasette 0.65 and 1.0."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from functools import partial
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from datasette import handle_exception as datasette_errors
from datasette import hookimpl
from datasette.app import Datasette
from datasette.database import QueryInterrupted
from datasette.plugins import pm
from datasette.utils.asgi import Base400
from datasette.views.base import DatasetteError
from markupsafe import Markup

from etl.server.log import log_failure
from etl.site.datasette import EXPLORING, HARDENED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from datasette.utils.asgi import Request

_TEMPLATES = Path(__file__).with_name("templates")

#: Paths of the home page, a database, a table or a query.
_PAGE = re.compile(r"/([\w-]+(/[\w-]+)?)?\Z")

#: Errors caused by requests: values that cannot be parsed, looked up or bound, and SQL that is wrong.
_CLIENT_ERRORS = (ValueError, TypeError, LookupError, ArithmeticError, AssertionError)
_CLIENT_SQL_ERRORS = {
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_RANGE,
}


def make_datasette(folder: Path, base_url: str = "/", header: str = "", *, explore: bool) -> Datasette:
    """A Datasette over a build, hardened unless ``explore``; its pages are below ``base_url``, each with ``header``."""
    _register()
    inspected = json.loads((folder / "inspect-data.json").read_text(encoding="utf-8"))
    application = Datasette(
        immutables=[str(folder / database["file"]) for database in inspected.values()],
        inspect_data=inspected,
        metadata=json.loads((folder / "metadata.json").read_text(encoding="utf-8")),
        settings={**(EXPLORING if explore else HARDENED), "base_url": base_url},
        template_dir=str(_TEMPLATES),
    )
    application.jinja_env.globals["site_header"] = Markup(header)  # noqa: S704 -- HTML of the build
    for database in application.databases.values():
        database.execute = partial(_execute_quietly, database.execute)
    return application


async def _execute_quietly(execute: Callable[..., Awaitable[object]], *arguments: object, **options: object) -> object:
    """Run a query without printing it when it fails: clients would write the log."""
    return await execute(*arguments, **{**options, "log_sql_errors": False})


def _register() -> None:
    """Register this module as a plugin, once, in place of Datasette's own error handler."""
    if not pm.has_plugin(__name__):
        datasette_errors.rich = None  # it would print all local variables of refused requests
        pm.unregister(datasette_errors)
        pm.register(sys.modules[__name__], name=__name__)


@hookimpl  # type: ignore[untyped-decorator]  # Datasette has no types
def handle_exception(datasette: Datasette, request: Request, exception: Any) -> object:  # noqa: ANN401 -- as above
    """Render client errors as Datasette does; log any other error and hide its details."""
    cause = exception.__context__  # Datasette reports every error of SQLite as invalid SQL
    cause = cause if isinstance(cause, (sqlite3.Error, QueryInterrupted)) else exception
    if any(isinstance(each, QueryInterrupted) for each in (cause, exception)):
        exception = DatasetteError("The query of this page takes too long; try again, or ask for less.", status=503)
    elif isinstance(cause, (Base400, DatasetteError)):
        if exception.status == HTTPStatus.INTERNAL_SERVER_ERROR:  # Datasette's default
            exception.status = HTTPStatus.BAD_REQUEST
    elif _is_client_error(request, cause):
        exception = DatasetteError("The address is invalid.", status=400)
    else:
        log_failure(cause)
        exception = DatasetteError("Internal server error; see the server's log.", status=500)
    return datasette_errors.handle_exception(datasette, request, exception)


def _is_client_error(request: Request, exception: Exception) -> bool:
    """Whether an error that Datasette does not handle is due to the request.

    Plain pages have nothing in their path that could be wrong. With a row, a format or a query string, that is assumed
    to be the cause of what cannot be parsed, looked up or bound, and of invalid SQL, but not of a failing disk.
    """
    if not request.query_string and _PAGE.match(request.path):
        return False
    if isinstance(exception, sqlite3.Error):
        code = getattr(exception, "sqlite_errorcode", sqlite3.SQLITE_ERROR)  # none: a value could not be bound
        return code in _CLIENT_SQL_ERRORS
    return isinstance(exception, _CLIENT_ERRORS)


@hookimpl  # type: ignore[untyped-decorator]  # as above
def extra_css_urls() -> list[str]:
    """The site's style sheet, which the server has."""
    return ["/browser.css"]


@hookimpl  # type: ignore[untyped-decorator]  # as above
def render_cell(value: object) -> Markup | None:
    """Show ``{"1":5420,"2":5510}`` as a short list that wraps."""
    if not isinstance(value, str) or not value.startswith("{"):
        return None
    try:
        members = json.loads(value)
    except ValueError:
        return None
    item = Markup('<span style="white-space: nowrap">{}: {}</span>')
    return Markup(" &middot; ").join(item.format(key, member) for key, member in members.items())


def close(datasette: Datasette) -> None:
    """Close its files and stop its threads, which Datasette itself never does."""

    def stop(_: object) -> None:
        raise SystemExit  # ends a thread that would wait for work forever

    for database in datasette.databases.values():
        database.close()
        if database._write_queue is not None:  # noqa: SLF001 -- as above
            database._write_queue.put(SimpleNamespace(fn=stop))  # noqa: SLF001 -- as above
    if datasette.executor is not None:
        datasette.executor.shutdown(wait=False)
