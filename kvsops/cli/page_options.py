"""Where a page is served, and whether the browser is opened: for each command that has a page."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from kvsops.cli.help import section

if TYPE_CHECKING:
    from kvsops.web.site import Site

Function = TypeVar("Function", bound=Callable[..., Any])
_FILE: Final = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class PageOptions:
    """The options on the page."""

    no_browser: bool
    port: int
    host: str | None
    tls_cert: Path | None
    tls_key: Path | None
    public_url: str | None

    def site(self) -> "Site":
        """Listen there; raises `UsageError`."""
        from kvsops.web.site import LOOPBACK, Site

        return Site.opened(
            self.host or LOOPBACK,
            self.port,
            tls_cert=self.tls_cert,
            tls_key=self.tls_key,
            public_url=self.public_url,
        )


def page_options(function: Function) -> Function:
    """Add the options on the page; the function gets them as `page`."""

    @section("The page")
    @click.option("--no-browser", is_flag=True, help="Print the page's URL: do not open it.")
    @click.option(
        "--port",
        type=click.IntRange(0, 65_535),
        default=0,
        metavar="PORT",
        help="Serve the page on this port.  [default: one that is free]",
    )
    @click.option(
        "--public-url",
        metavar="URL",
        help="Where a proxy or tunnel with TLS in front of the page is reached: https://HOST.",
    )
    @click.option(
        "--host",
        metavar="NAME",
        help="Serve it to other machines, as this name or address; needs a certificate.",
    )
    @click.option("--tls-cert", type=_FILE, metavar="FILE", help="The certificate, as PEM.")
    @click.option("--tls-key", type=_FILE, metavar="FILE", help="Its private key, as PEM.")
    @functools.wraps(function)
    def wrapped(*args: Any, **given: Any) -> Any:
        page = PageOptions(
            **{option.name: given.pop(option.name) for option in fields(PageOptions)}
        )
        return function(*args, page=page, **given)

    return wrapped  # type: ignore[return-value]  # click has its own idea of a decorated function
