"""The Datasette plugin: the API's routes, and JSON columns that a person can read. Hooks that 0.65 and 1.0 share."""

from __future__ import annotations

import json
import sys
import traceback
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from datasette import handle_exception as datasette_errors
from datasette import hookimpl
from datasette.plugins import pm
from datasette.utils.asgi import Base400
from datasette.views.base import DatasetteError
from markupsafe import Markup

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


@hookimpl
def handle_exception(datasette: Datasette, request: Request, exception: Exception) -> object:
    """Answer a refused request as Datasette does; say of anything else only that it failed."""
    if not isinstance(exception, (Base400, DatasetteError)):
        traceback.print_exception(exception)
        exception = DatasetteError("The server failed; its log says why.", status=500)
    return datasette_errors.handle_exception(datasette, request, exception)


@hookimpl
def register_routes(datasette: Datasette) -> list[tuple[str, Callable[..., Awaitable[None]]]]:
    """Everything below /api is the API's."""

    async def api(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 -- ASGI
        await APIS[datasette](scope, receive, send)

    return [(r"/api(/.*)?$", api)] if datasette in APIS else []


@hookimpl
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
