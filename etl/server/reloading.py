"""Pages that reload when there is a new build, and show why there is none: for ``serve --watch``.

The application of the server is wrapped, so that it knows nothing of it: HTML gets a script, which asks for changes.
Only for users of this machine, because messages of a failed build name its folders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.server.http import SAFE, is_local_request, respond, respond_json

if TYPE_CHECKING:
    from etl.server.address import Address
    from etl.server.app import Server
    from etl.server.http import Message, Receive, Scope, Send
    from etl.server.watch import Watch

#: Styles are set by the script, because the pages' Content-Security-Policy refuses those in attributes.
_SCRIPT = b"""const { src, dataset } = document.currentScript;
const box = document.createElement("pre");
box.setAttribute("role", "alert");
Object.assign(box.style, {
  position: "fixed", inset: "auto 0 0 0", zIndex: 9999, margin: 0, padding: "1rem", maxHeight: "60vh",
  overflow: "auto", whiteSpace: "pre-wrap", font: "14px/1.5 ui-monospace, monospace", color: "#fff",
  background: "#8a1c1c", border: 0, borderRadius: 0,
});
box.hidden = true;
document.body.append(box);
async function ask() {
  try {
    const { build, failure } = await (await fetch(new URL("changes", src), { cache: "no-store" })).json();
    if (build !== dataset.build) return location.reload();
    box.hidden = !failure;
    if (box.textContent !== failure) box.textContent = failure;
  } catch { /* the server has stopped, or starts again */ }
  setTimeout(ask, 300);
}
ask();
"""

_IGNORED = {b"if-none-match", b"accept-encoding"}  # of requests: pages are sent in full, uncompressed


class Reloading:
    """An ASGI application around the server's, whose site has an address."""

    def __init__(self, server: Server, watch: Watch, address: Address) -> None:
        """Wrap the server."""
        self._server, self._watch, self._address = server, watch, address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        is_local = scope["type"] == "http" and is_local_request(scope["headers"])
        inside = self._address.inside(scope) if is_local else None
        if inside is None:
            await self._server(scope, receive, send)
        elif inside["path"] == "/-/changes":
            answer = {"build": self._server.current_id, "failure": self._watch.failure}
            await respond_json(scope, send, 200, answer)
        elif inside["path"] == "/-/watch.js":
            kind = [(b"content-type", b"text/javascript; charset=utf-8"), (b"cache-control", b"no-cache"), *SAFE]
            await respond(send, 200, [*kind, (b"content-length", b"%d" % len(_SCRIPT))], _SCRIPT)
        elif scope["method"] == "GET":
            headers = [(name, value) for name, value in scope["headers"] if name not in _IGNORED]
            await self._server({**scope, "headers": headers}, receive, self._with_script(send))
        else:
            await self._server(scope, receive, send)

    def _with_script(self, send: Send) -> Send:
        """Add the script at the end of HTML."""
        tag = b""

        async def send_more(message: Message) -> None:
            nonlocal tag
            if message["type"] == "http.response.start":
                headers = dict(message["headers"])
                if headers.get(b"content-type", b"").startswith(b"text/html"):
                    build = headers.get(b"x-build", b"").decode()
                    tag = f'<script src="{self._address.prefix}-/watch.js" data-build="{build}"></script>\n'.encode()
                    changed = [_changed(name, value, len(tag)) for name, value in message["headers"]]
                    message = {**message, "headers": changed}
            elif tag and not message.get("more_body"):
                message = {**message, "body": message.get("body", b"") + tag}
            await send(message)

        return send_more


def _changed(name: bytes, value: bytes, added: int) -> tuple[bytes, bytes]:
    """A header of a page with the script."""
    if name == b"content-length":
        value = b"%d" % (int(value) + added)
    elif name == b"content-security-policy" and b"script-src" not in value:
        value += b"; script-src 'self'; connect-src 'self'"
    return name, value
