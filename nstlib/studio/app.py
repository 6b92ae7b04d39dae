"""The app: the studio as a page of its own, on Voilà; a reload finds its run again.

Voilà ends a page's kernel with the page. Here the kernel is kept, and the page with it: who comes back with the
page's cookie is given the same page, which takes the widgets' state from the kernel.
"""

import json
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import tornado.web
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.handler import TornadoVoilaHandler

from ..settings import Settings, from_dict, to_dict
from .panel import Studio

NOTEBOOK = Path(__file__).parent / "app.ipynb"
GIVEN = "NSTLIB_STUDIO"  # the environment's variable that tells the kernel what the command was given
COOKIE = "nst-studio"
KEPT = 3600  # seconds that a kernel is kept without a page, and idle
GONE = "<script>window.nstGone = true</script>\n"


class Page(TornadoVoilaHandler):
    """The studio's page: the one that the cookie names where its kernel still is, a new one otherwise."""

    pages: ClassVar[dict[str, tuple[str, str]]] = {}  # by cookie: the kernel and the page's HTML

    @tornado.web.authenticated
    async def get(self, path: str | None = None) -> None:
        """Send the page."""
        name = self.get_cookie(COOKIE)
        kernel, html = self.pages.get(name or "", ("", ""))
        if kernel in self.kernel_manager:
            self.set_header("Cache-Control", "no-store")
            self.finish(html)
            return
        await self._send_new(path, gone=name is not None)

    async def _send_new(self, path: str | None, *, gone: bool) -> None:
        name, parts = secrets.token_urlsafe(16), []
        self.set_cookie(COOKIE, name, httponly=True, samesite="Strict")
        async for part in self.get_generator(path=path):
            parts.append(part)
            self.write(part)
            self.flush()
        html = "".join(parts)
        kernel = re.search(r'"kernelId":\s*"([^"]+)"', html)
        if kernel:
            self.pages[name] = kernel[1], html
        if gone:
            self.write(GONE)


class NoShutdown(VoilaShutdownKernelHandler):
    """A page that is left does not end its kernel; an hour of idleness does."""

    def check_xsrf_cookie(self) -> None:
        """Nothing is done here that needs one."""

    @tornado.web.authenticated
    async def post(self, kernel_id: str) -> None:
        """Do nothing."""
        self.set_status(204)


class App(Voila):
    """Voilà with the studio's page."""

    def init_handlers(self) -> list[Any]:
        """Voilà's handlers, with the two above in place of its own."""
        ours = {TornadoVoilaHandler: Page, VoilaShutdownKernelHandler: NoShutdown}
        return [(pattern, ours.get(handler, handler), *more) for pattern, handler, *more in super().init_handlers()]


def serve(
    content: Path | None,
    styles: Sequence[Path],
    settings: Settings,
    *,
    folder: Path,
    port: int,
    open_browser: bool,
) -> None:
    """Serve the app on this machine alone, until it is interrupted; its address has a token."""
    given = {
        "content": content and str(content.resolve()),
        "styles": [str(style.resolve()) for style in styles],
        "settings": None if settings == Settings() else to_dict(settings),
        "folder": str(folder.resolve()),
    }
    os.environ[GIVEN] = json.dumps(given)
    options = {
        "ip": "127.0.0.1",
        "port": port,
        "auto_token": True,
        "open_browser": open_browser,
    }
    flags = [f"--Voila.{name}={value}" for name, value in options.items()]
    flags += [f"--MappingKernelManager.cull_idle_timeout={KEPT}", "--MappingKernelManager.cull_interval=60"]
    App.launch_instance([str(NOTEBOOK), "--show_tracebacks=True", *flags])


def given_studio() -> Studio:
    """The app's panel, in its kernel: with what the command was given."""
    given = json.loads(os.environ[GIVEN])
    return Studio(
        given["content"],
        given["styles"] or None,
        given["settings"] and from_dict(given["settings"]),
        folder=given["folder"],
        closable=False,
    )
