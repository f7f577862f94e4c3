"""`moa view`: runs and reports of one folder, for this machine alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from benchmarks.common.atomic import locked
from moa_cli.report.live.server import LiveCurve, Told, live_server, report_in
from tests.kit.browser import CHROMIUM, browser
from tests.kit.cli import moa
from tests.kit.runs import RECORD

NAME = "toy/<b>ric/01234567-s0"


def log(run: Path, *rows: tuple[str, int, float]) -> None:
    with open(run / "log.jsonl", "a", encoding="utf-8") as file:
        for stage, step, loss in rows:
            file.write(json.dumps({"stage": stage, "step": step, "steps": 9, "loss": loss, "tokens/s": 5.0}) + "\n")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A run that is training, one that is damaged, a report, and what lies beside the folder."""
    home = tmp_path / "runs"
    run, damaged = home / NAME, home / "toy/sft/01234567-s1"
    for folder in (run, damaged):
        folder.mkdir(parents=True)
    RECORD.model_copy(update={"status": "training", "steering": "prompt"}).write(run / "run.json")
    (damaged / "run.json").write_text("{", encoding="utf-8")
    log(run, ("helpful", 1, 3.0), ("helpful", 9, 1.0))
    (home / "report.html").write_text("a report", encoding="utf-8")
    (tmp_path / "secret.html").write_text("secret", encoding="utf-8")
    (home / "link.html").symlink_to(tmp_path / "secret.html")
    return home


@pytest.fixture
def port(home: Path) -> Iterator[int]:
    with live_server(home, 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def get(port: int, path: str, host: str | None = None) -> tuple[int, str]:
    asked = HTTPConnection("127.0.0.1", port, timeout=20)
    asked.request("GET", path, headers={"Host": host or f"127.0.0.1:{port}"})
    answer = asked.getresponse()
    return answer.status, answer.read().decode()


def test_runs_are_told_with_where_they_stand_and_how_they_go(home: Path) -> None:
    with locked(home / NAME / "lock"):
        training, damaged = Told.of(home).runs
    assert (training.standing, damaged.standing) == ("training", "damaged")
    assert training.at == "helpful, step 9 of 9"
    assert training.curves == (LiveCurve(stage="helpful", measure="loss", steps=(1, 9), values=(3, 1)),)
    assert Told.of(home).runs[0].standing == "stopped", "nobody holds its lock any more"
    assert [one.name for one in Told.of(home).reports] == ["report.html"], "a link leads out of the folder"


@pytest.mark.parametrize(
    "path", ["/../secret.html", "/%2e%2e/secret.html", "/..%2fsecret.html", "//etc/passwd", "/link.html", "/x%00.html",
    f"/{NAME}/run.json", f"/{NAME}/log.jsonl", "/toy"],
)  # fmt: skip
def test_nothing_but_reports_of_the_folder_is_given_away(port: int, path: str) -> None:
    assert get(port, path) == (404, "there is nothing here")


def test_reports_are_given_to_this_machine_alone(port: int, home: Path) -> None:
    assert get(port, "/report.html") == (200, "a report")
    assert get(port, "/report.html", host="example.org")[0] == 403
    assert get(port, "/report.html", host=f"localhost:{port}")[0] == 200
    assert report_in(home, "../secret.html") is None


def test_a_port_that_is_taken_and_a_folder_that_is_not_there_are_said(port: int, home: Path) -> None:
    taken = moa("view", str(home), "--port", str(port), cwd=home)
    assert (taken.returncode, taken.stdout) == (2, "")
    assert f"cannot serve at port {port}" in taken.stderr
    gone = moa("view", "nowhere", cwd=home)
    assert gone.returncode == 2
    assert "there is no folder nowhere" in gone.stderr


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to look with")
def test_the_page_follows_what_is_logged(port: int, home: Path, tmp_path: Path) -> None:
    """Once more at the next look; names are text, and nothing is refused by the page's own policy."""

    def wait(text: str) -> str:
        """What is to be read once a text is among it. RuntimeError where it does not come."""
        script = f"""new Promise((done, never) => {{
            setTimeout(() => never(new Error(document.body.innerText)), 60_000);
            const look = () => document.body.innerText.includes({json.dumps(text)})
                ? done(document.body.innerText) : setTimeout(look, 50);
            look();
        }})"""
        seen: str = tab.run(script)
        return seen

    with browser(tmp_path / "profile") as tab:
        tab.open(f"http://127.0.0.1:{port}/")
        seen = wait("loss 1")
        assert "toy/<b>ric/01234567-s0 stopped" in seen
        assert "2 runs, 0 of them training" in seen
        assert "report.html" in seen
        log(home / NAME, ("harmless", 4, 0.5))
        assert "harmless, step 4 of 9" in wait("loss 0.5")
        assert tab.run("document.querySelectorAll('figure path').length") == 2
        assert tab.run("document.querySelector('figure svg').getAttribute('aria-label')").startswith(
            "loss 0.5, between"
        )
        assert tab.complaints == []
