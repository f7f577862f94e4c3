"""`moa view`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moa_cli.commands.options import Home, Verbose
from moa_cli.console import out, refuse


def view(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[RUNS]", help=r"The folder to look into. \[default: that of --runs]")
    ] = None,
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="Where to serve; 0 takes a port that is free.")
    ] = 0,
    runs: Home = Path("runs"),
    verbose: Verbose = False,
) -> None:
    """Show runs, how they are training, and reports in a browser, until Ctrl-C.

    \b
    moa view
    moa view demo/runs --port 8000
    """
    from moa_cli.report.live import live_server

    home = folder or runs
    if not home.is_dir():
        refuse(f"there is no folder {home}", "runs and reports are looked for there", "moa view RUNS")
    with live_server(home, port) as server:
        out(f"http://127.0.0.1:{server.server_address[1]}/")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return
