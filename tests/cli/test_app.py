"""``lpnb app``: what it says when it cannot serve, and that what it serves stops with it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from lpnb.cli import app, local_server
from lpnb.cli.main import main


def commands() -> list[bytes]:
    """The command lines that any user of the machine can read; none where there is no /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            found.append(path.read_bytes())
    return found


def test_without_voila_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "find_spec", lambda _: None)

    assert main(["app"]) == 1

    assert capsys.readouterr().err == (
        f'Voila is not installed here. Install it with: {sys.executable} -m pip install "lpnb[app]"\n'
    )


def test_a_port_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["app", "--port", "99999"])

    assert caught.value.code == 2
    assert "argument --port: a port is a number from 0 to 65535; got '99999'" in capsys.readouterr().err


def test_settings_that_are_missing_are_said_before_anything_is_served(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["app", "--profile", "nowhere"]) == 1

    assert "There is no profile 'nowhere'." in capsys.readouterr().err


def test_a_profile_that_is_not_asked_for_stands_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env.live").write_text("LP_ACCOUNT_ID=87654321\n", encoding="utf-8")
    served: list[list[str]] = []
    monkeypatch.setattr(app, "_serve", lambda command, *_: served.append(command) or 0)
    monkeypatch.setattr("signal.signal", lambda *_: None)  # the tests' own process is asked to end as ever

    assert main(["app"]) == 0

    assert len(served) == 1


def test_dark_and_light_at_once_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["app", "--dark", "--light"])

    assert caught.value.code == 2
    assert "argument --light: not allowed with argument --dark" in capsys.readouterr().err


def test_half_a_file_of_settings_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".env").write_text("LP_ACCOUNT_ID=87654321\n", encoding="utf-8")

    assert main(["app"]) == 1

    assert "2 settings are missing: LP_CLIENT_ID, LP_CLIENT_SECRET." in capsys.readouterr().err


def test_the_notebook_in_the_package_opens_the_explorer_and_holds_no_output() -> None:
    path = Path(app.APP_FOLDER, "explorer.ipynb")
    (cell,) = json.loads(path.read_text(encoding="utf-8"))["cells"]

    assert cell["outputs"] == []
    assert "lpnb.Explorer(" in "".join(cell["source"])


def test_the_notebook_is_told_where_and_as_whom_it_was_called_by_the_names_it_reads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    served: list[dict[str, str]] = []
    monkeypatch.setattr(app, "_serve", lambda _command, environment, *_: served.append(environment) or 0)
    monkeypatch.chdir(tmp_path)

    assert main(["app", "--no-browser"]) == 0

    names = re.findall(r"LPNB\w+", (app.APP_FOLDER / "explorer.ipynb").read_text(encoding="utf-8"))
    assert {name: served[0][name] for name in names} == {
        "LPNB_APP_FOLDER": str(tmp_path),
        "LPNB_APP_PROFILE": "",
    }


def test_it_serves_on_loopback_with_a_token_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "lpnb", "app", "--no-browser"]
    app = subprocess.Popen(
        program, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        assert app.stdout is not None
        address = app.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        bare = address.split("?")[0]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(bare + "api/kernels", timeout=10) as answer:
            assert "/login" in answer.url
        with pytest.raises(urllib.error.HTTPError, match="403"):  # what a page asks as it goes
            opener.open(bare + "voila/api/shutdown/1", data=b"", timeout=10)
        token = address.split("token=")[1]
        assert not any(token.encode() in command for command in commands())
    finally:
        app.send_signal(signal.SIGTERM)
        _, err = app.communicate(timeout=20)
    assert err == "Ctrl-C stops it.\n"
    with pytest.raises(OSError, match="refused"):
        opener.open(bare, timeout=2)


def test_the_browser_is_handed_a_file_and_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    class Page:
        def wait(self) -> int:
            return 0

    def look(url: str) -> None:
        path = Path(url2pathname(urlsplit(url).path))
        opened.append((url, path.read_text(), stat.S_IMODE(path.stat().st_mode)))

    monkeypatch.setattr(app.secrets, "token_hex", lambda _: "canary-token")
    monkeypatch.setattr(app, "server_process", lambda *_: contextlib.nullcontext(Page()))
    monkeypatch.setattr(local_server, "answers", lambda *_: True)
    monkeypatch.setattr(app, "exit_on_termination", lambda: None)
    monkeypatch.setattr(webbrowser, "open", look)

    assert main(["app", "--port", "8123"]) == 0

    ((url, page, mode),) = opened
    assert url.startswith("file:///")
    assert "canary-token" not in url
    assert 'content="0;url=http://127.0.0.1:8123/?token=canary-token"' in page
    assert os.name == "nt" or mode == 0o600


@pytest.mark.parametrize(
    ("ended", "printed", "said"),
    [
        (
            None,
            "http://127.0.0.1:8123/\n",
            "It does not answer yet; it may still be starting. Its address:\n",
        ),
        (1, "", ""),
    ],
)
def test_a_server_that_does_not_answer_in_time_has_its_address_printed_all_the_same(
    monkeypatch, capsys, ended, printed, said
):
    class Process:
        def poll(self) -> int | None:
            return ended

    monkeypatch.setattr(local_server, "answers", lambda *_: False)

    assert local_server.print_address(Process(), 8123, "http://127.0.0.1:8123/") is (ended is None)
    assert capsys.readouterr() == (printed, said)
