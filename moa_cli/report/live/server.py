"""A server for one's own browser, on 127.0.0.1 alone: what is in a runs folder, read anew at every request.

It reads and never writes. It gives away its own page, what runs there are, and the .html files of the folder.
"""

from __future__ import annotations

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from benchmarks import BadInput
from benchmarks.common import Part, telling
from moa_cli.report import html_page
from moa_cli.report.elements import el, seen
from moa_cli.runs import find_runs, last_rows, log_curves, read_record

HERE = "127.0.0.1"
SCRIPT = Path(__file__).parent / "live.js"


def live_server(home: Path, port: int) -> ThreadingHTTPServer:
    """A server of a runs folder at a port, 0 for any that is free; it listens, and serves once it is told to.

    BadInput where the port is taken.
    """
    root = home.resolve()

    class Handler(BaseHTTPRequestHandler):
        """Answers GET, for this machine's own names alone: a page of elsewhere that calls itself so gets nothing."""

        def do_GET(self) -> None:
            """Answers a request."""
            name = self.headers.get("Host", "").rpartition(":")[0]
            if name not in (HERE, "localhost"):
                self._answer(HTTPStatus.FORBIDDEN, "text/plain", b"this is served to this machine alone")
                return
            path = unquote(urlsplit(self.path).path)
            if path == "/":
                self._answer(HTTPStatus.OK, "text/html", live_page(root).encode())
            elif path == "/runs.json":
                self._answer(HTTPStatus.OK, "application/json", Told.of(root).model_dump_json().encode())
            elif report := report_in(root, path.removeprefix("/")):
                self._answer(HTTPStatus.OK, "text/html", report.read_bytes())
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"there is nothing here")

        def _answer(self, status: HTTPStatus, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Says nothing: a line every few seconds is no news."""

    try:
        return ThreadingHTTPServer((HERE, port), Handler)
    except OSError as error:
        raise BadInput(
            f"cannot serve at port {port}: {error.strerror}",
            "another program may have it",
            "--port 0 takes one that is free",
        ) from error


def report_in(root: Path, name: str) -> Path | None:
    """The report of this name in a folder; None for what is none, or lies elsewhere, be it through a link."""
    if "\0" in name:
        return None
    path = (root / name).resolve()
    return path if path.is_relative_to(root) and path.suffix == ".html" and path.is_file() else None


class LiveReport(Part):
    """A report, and where the server gives it."""

    name: str
    address: str


class LiveCurve(Part):
    """A measure of a stage by step."""

    stage: str
    measure: str
    steps: tuple[float, ...]
    values: tuple[float, ...]


class LiveRun(Part):
    """A run, in what the page needs of it."""

    name: str
    standing: str
    """Or "damaged", where its record cannot be read."""
    at: str
    """The last step that it has logged, in words."""
    curves: tuple[LiveCurve, ...]

    @classmethod
    def of(cls, root: Path, folder: Path) -> LiveRun:
        """The run in a folder below root."""
        try:
            standing = read_record(folder).standing(folder)
        except BadInput:
            standing = "damaged"
        last = next(iter(last_rows(folder, 1)), None)
        return cls(
            name=seen(folder.relative_to(root).as_posix()),
            standing=standing,
            at=seen(f"{last.stage}, step {last.step} of {last.steps}") if last else "",
            curves=tuple(
                LiveCurve(stage=seen(stage), measure=measure, steps=curve.steps, values=curve.values)
                for (stage, measure), curve in log_curves(folder).items()
            ),
        )


class Told(Part):
    """The reports in a folder, and its runs with where they stand and how their trainings go."""

    reports: tuple[LiveReport, ...]
    runs: tuple[LiveRun, ...]

    @classmethod
    def of(cls, root: Path) -> Told:
        """What is there at this moment."""
        names = sorted(path.relative_to(root).as_posix() for path in [*root.glob("*.html"), *root.glob("*/*.html")])
        with telling(lambda line: None):  # it is asked for again and again
            runs = tuple(LiveRun.of(root, folder) for folder in find_runs(root))
        return cls(
            reports=tuple(
                LiveReport(name=seen(name), address=f"/{quote(name)}") for name in names if report_in(root, name)
            ),
            runs=runs,
        )


def live_page(root: Path) -> str:
    """The page, which asks for the rest again and again."""
    parts = [
        el("header", el("h1", "moa view"), el("h2", str(root))),
        el("main", el("section", el("h3", "Reports"), el("ul", class_="flat", id="reports")),
           el("section", el("h3", "Runs"), el("p", class_="note", id="state", role="status"), el("div", id="runs"))),
    ]  # fmt: skip
    return html_page(f"moa view {root.name}", *parts, script=SCRIPT, asks=True)
