"""The commands as someone types them; each of them once in a process of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lpnb import Sandbox, doctor
from lpnb.cli.main import main
from lpnb.diagnostics.doctor import DoctorCheck, DoctorReport

CAPITAL_FIRST = "consumer_id         req_id  type                         code  conversation_id"


def process(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "lpnb", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def lpnb(monkeypatch, capsys):
    """Run a command in this process, where it takes a tenth of the time."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            try:
                status = main(list(arguments))
            except SystemExit as left:
                status = left.code
        return subprocess.CompletedProcess(arguments, status, *capsys.readouterr())

    return run


def test_the_demo_prints_one_row_for_each_frame_of_its_three_batches(tmp_path):
    done = process("demo", cwd=tmp_path)

    lines = done.stdout.splitlines()
    header = next(number for number, line in enumerate(lines) if line.startswith("consumer_id"))
    assert lines[header].startswith(CAPITAL_FIRST)
    assert [line.split()[:3] for line in lines[header + 1 : header + 7]] == [
        ["demo-minimal", "1,", "SetUserProfile"],
        ["demo-minimal", "2,", "ConsumerRequestConversation"],
        ["demo-with-SDEs", "1,", "SetUserProfile"],
        ["demo-with-SDEs", "2,", "ConsumerRequestConversation"],
        ["demo-with-campaign", "1,", "SetUserProfile"],
        ["demo-with-campaign", "2,", "ConsumerRequestConversation"],
    ]
    assert "3 conversations opened." in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


def test_the_demo_prints_json_and_nothing_else(lpnb):
    done = lpnb("demo", "--json")

    rows = json.loads(done.stdout)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    assert list(rows[1]) == [
        "consumer_id",
        "req_id",
        "type",
        "ok",
        "code",
        "message",
        "conversation_id",
        "http_status",
        "attempts",
        "elapsed_ms",
        "sent_at",
    ]
    assert [(row["req_id"], row["ok"], row["http_status"], row["attempts"]) for row in rows] == [
        ("1,", True, 200, 1),
        ("2,", True, 200, 1),
    ] * 3
    assert [row["conversation_id"] is None for row in rows] == [True, False] * 3


def test_the_demo_stays_on_the_sandbox_whatever_the_settings_say(lpnb, tmp_path):
    (tmp_path / ".env").write_text("LP_ACCOUNT_ID=99\nLP_DOMAIN_API=https://unreachable.example\n")

    proxy = {"HTTPS_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}  # where nobody listens
    assert lpnb("demo", LP_CLIENT_ID="someone", **proxy).returncode == 0


def test_the_demo_does_not_trip_over_a_reader_that_leaves(tmp_path):
    command = f"{sys.executable} -m lpnb demo | head -1"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )

    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([], "usage: lpnb"),
        (["nonsense"], "lpnb has no command 'nonsense'."),
        (["demo", "--nonsense"], "lpnb demo has no option --nonsense."),
        (["lab", "--port", "70000"], "argument --port: a port is a number from 0 to 65535; got '70000'"),
    ],
)
def test_a_wrong_call_exits_with_2_and_says_why(lpnb, wrong, said):
    done = lpnb(*wrong)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(said)


def test_the_version_is_the_package_s(capsys):
    with pytest.raises(SystemExit) as left:
        main(["--version"])

    assert left.value.code == 0
    assert capsys.readouterr().out == "lpnb 0.1.0\n"


def test_the_sandbox_command_says_where_it_listens_and_ends_when_asked():
    process = subprocess.Popen(
        [sys.executable, "-m", "lpnb", "sandbox", "--port", "0", "--account", "777"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        ready = json.loads(process.stdout.readline())
        assert (ready["account"], ready["base"].split(":")[1]) == ("777", "//127.0.0.1")
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_the_doctor_is_content_with_the_embedded_sandbox(tmp_path):
    done = process("doctor", cwd=tmp_path)

    assert [line.split()[0] for line in done.stdout.splitlines()[:10]] == ["ok"] * 10
    assert done.stdout.endswith("\nAll is well.\n")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_doctor_opens_no_conversation(sandbox, monkeypatch, capsys):
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)

    assert main(["doctor", "--json"]) == 0

    checks = json.loads(capsys.readouterr().out)
    assert [check["name"] for check in checks] == [
        "versions",
        "settings",
        "network",
        "Domain API",
        "messaging host",
        "Sentinel host",
        "IDP host",
        "clock",
        "AppJWT",
        "ConsumerJWS",
        "history",
    ]
    assert sandbox.conversations == []
    assert sandbox.calls["conversation"] == 0


def test_the_doctor_says_which_settings_are_missing(lpnb):
    done = lpnb("doctor", LP_ACCOUNT_ID="12345678")

    assert "fail  settings  2 settings are missing: LP_CLIENT_ID, LP_CLIENT_SECRET.\n" in done.stdout
    assert "-> Write them into a file .env as NAME=value, or set them in the environment.\n" in done.stdout
    assert done.returncode == 1


def test_the_doctor_names_a_file_in_which_no_setting_is_ours(lpnb, tmp_path):
    (tmp_path / ".env").write_text("ACCOUNT_ID=12345678\n")

    done = lpnb("doctor")

    assert re.search(
        r"settings        none, so the embedded sandbox is used \(http://127\.0\.0\.1:\d+\)\. "
        r"Looked in: the environment \(0 settings\), then \./\.env \(found, 0 settings\)\.\n",
        done.stdout,
    )
    assert done.returncode == 0


def test_the_doctor_that_finds_no_settings_names_the_places_it_looked_in(lpnb):
    assert "Looked in: the environment (0 settings), then ./.env (not there).\n" in lpnb("doctor").stdout


def test_the_doctor_is_not_content_with_settings_that_are_all_misspelled(lpnb, tmp_path):
    (tmp_path / ".env").write_text("LP_ACOUNT_ID=12345678\n")

    done = lpnb("doctor")

    assert "LP_ACOUNT_ID is not a setting. Did you mean LP_ACCOUNT_ID?\n" in done.stdout
    assert done.returncode == 1


def test_the_doctor_says_where_each_value_comes_from_and_who_else_may_read_it(lpnb, sandbox, tmp_path):
    environment = sandbox.environment()
    in_file = {name: environment.pop(name) for name in ("LP_ACCOUNT_ID", "LP_CLIENT_ID", "LP_HISTORY_KEY")}
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in in_file.items()))
    history = [name for name in environment if "HISTORY" in name or "AGENT" in name]

    done = lpnb("doctor", **environment)

    assert (
        "ok    settings        account 12345678: LP_ACCOUNT_ID, LP_CLIENT_ID, LP_HISTORY_KEY from ./.env; "
        f"LP_CLIENT_SECRET, LP_DOMAIN_API, {', '.join(history)} from the environment\n"
    ) in done.stdout
    assert "chmod" not in done.stdout

    (tmp_path / ".env").write_text(
        "".join(f"{name}={value}\n" for name, value in sandbox.environment().items())
    )
    (tmp_path / ".env").chmod(0o644)
    done = lpnb("doctor")

    assert (
        "warn  file            others on this machine may read ./.env\n"
        "                      -> chmod 600 ./.env\n"
    ) in done.stdout
    assert done.returncode == 0


def test_the_doctor_says_that_the_secret_is_wrong_and_never_prints_it(lpnb, sandbox):
    wrong = {**sandbox.environment(), "LP_CLIENT_SECRET": "canary-4711"}

    done = lpnb("doctor", **wrong)

    assert "fail  AppJWT          Sentinel refused LP_CLIENT_ID and LP_CLIENT_SECRET" in done.stdout
    assert "skip  ConsumerJWS     not checked: it needs an AppJWT" in done.stdout
    assert "canary-4711" not in done.stdout + done.stderr
    assert done.returncode == 1


def test_the_doctor_goes_on_when_nothing_answers(lpnb):
    with Sandbox() as gone:
        environment = gone.environment()

    done = lpnb("doctor", **environment)

    states = {line[6:22].strip(): line[:4].strip() for line in done.stdout.splitlines() if line[:4].strip()}
    assert states["Domain API"] == "fail"
    assert states["messaging host"] == "skip"
    assert states["clock"] == "skip"
    assert states["AppJWT"] == "skip"
    assert states["history"] == "skip"
    assert (
        "(connection refused).\n"
        "                      -> Nobody listens there. Is lpnb sandbox still running, and at the address in "
        "LP_DOMAIN_API?\n"
    ) in done.stdout
    assert done.returncode == 1


def test_the_doctors_help_says_what_it_does_and_how_it_ends(lpnb):
    said = " ".join(lpnb("doctor", "--help").stdout.split())

    assert "No conversation is opened." in said
    assert "Exit status: 0 when nothing failed, 1 when something did, 2 for a wrong call." in said


def test_the_doctor_refuses_a_profile_that_is_not_there(lpnb):
    done = lpnb("doctor", "--profile", "staging")

    assert "There is no profile 'staging'. Looked for ./.env.staging." in done.stdout
    assert done.returncode == 1


def test_a_check_that_could_not_be_made_is_no_failure():
    skipped = DoctorReport(
        [DoctorCheck("settings", "ok", "there"), DoctorCheck("clock", "skip", "no reply had a date")]
    )

    assert skipped.ok
    assert not DoctorReport([*skipped, DoctorCheck("AppJWT", "fail", "refused")]).ok


def test_the_doctor_asks_a_struggling_service_once(sandbox, monkeypatch):
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    sandbox.fail("sentinel", "status", times=None, code=503, retry_after=30)

    assert not doctor().ok

    assert sandbox.calls["sentinel"] == 1
