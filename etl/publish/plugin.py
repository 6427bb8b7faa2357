"""The Datasette plugin: the API's routes, and JSON columns that a person can read. Hooks that 0.65 and 1.0 share."""

from __future__ import annotations

import contextlib
import json
import sys
import traceback
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from datasette import handle_exception as datasette_errors
from datasette import hookimpl
from datasette.plugins import pm
from datasette.utils.asgi import Base400, NotFound
from datasette.views.base import DatasetteError
from markupsafe import Markup

from etl.publish.pages import BROWSER_STYLE_URL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from datasette.app import Datasette
    from datasette.utils.asgi import Request

    from etl.publish.api import Api

#: The API over the same build as a Datasette.
APIS: WeakKeyDictionary[Datasette, Api] = WeakKeyDictionary()


def register() -> None:
    """Make it known to Datasette, once, in the place of its own handler of errors."""
    if not pm.has_plugin(__name__):
        datasette_errors.rich = None  # it would print every local variable of every refused request
        pm.unregister(datasette_errors)
        pm.register(sys.modules[__name__], name=__name__)


@hookimpl  # type: ignore[untyped-decorator]  # Datasette has no types
def handle_exception(datasette: Datasette, request: Request, exception: Exception) -> object:
    """Answer a refused request as Datasette does; say of anything else only that it failed."""
    if not isinstance(exception, (Base400, DatasetteError)):
        traceback.print_exception(exception)
        exception = DatasetteError("The server failed; its log says why.", status=500)
    return datasette_errors.handle_exception(datasette, request, exception)


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
        scores = json.loads(value)
    except ValueError:
        return None
    item = Markup('<span style="white-space: nowrap">{}: {}</span>')
    return Markup(" &middot; ").join(item.format(key, score) for key, score in scores.items())


class _Stop(BaseException):
    """Ends a thread that waits for work without end."""


def prepare_to_close(datasette: Datasette) -> None:
    """Let its writing threads end; Datasette starts them when they are needed, and never stops them."""

    def until_stopped(endless: Callable[[], None]) -> None:
        with contextlib.suppress(_Stop):
            endless()

    for database in datasette.databases.values():
        database._execute_writes = partial(until_stopped, database._execute_writes)  # noqa: SLF001 -- no other way


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
