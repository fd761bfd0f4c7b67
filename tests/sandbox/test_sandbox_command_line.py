"""``python -m lpnb.sandbox`` as a shell sees it."""

import contextlib
import json
import signal
import subprocess
import sys
import threading

import httpx
import pytest

from lpnb.sandbox import __main__ as command
from lpnb.sandbox.__main__ import main
from lpnb.sandbox.sandbox import DEFAULT_ACCOUNT, DEFAULT_CLIENT_ID

COMMAND = [sys.executable, "-W", "error", "-m", "lpnb.sandbox"]
PUBLIC_SECRET = "sandbox-secret-not-a-real-one"


@pytest.fixture
def launch():
    processes = []

    def start(*arguments):
        process = subprocess.Popen(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


class Stop(threading.Event):
    """In place of a signal; says when the command has nothing left to say and waits for one."""

    def __init__(self):
        super().__init__()
        self.announced = threading.Event()

    def wait(self, timeout=None):
        self.announced.set()
        return super().wait(timeout)


@pytest.fixture
def announce(monkeypatch, capsys):
    """Runs the command on a thread of this process, and gives what it prints until it waits for its end."""
    stop = Stop()
    monkeypatch.setattr(command, "_signals", lambda: contextlib.nullcontext(stop))
    threads = []

    def start(*arguments):
        threads.append(threading.Thread(target=main, args=(list(arguments),)))
        threads[-1].start()
        assert stop.announced.wait(10)
        return capsys.readouterr()

    yield start
    stop.set()
    for thread in threads:
        thread.join(10)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_it_says_in_one_json_line_where_it_is_and_ends_with_0_on_a_signal(launch, sign):
    process = launch("--account", "777", "--client-id", "me", "--seed", "1", "--token-lifetime", "60")

    ready = json.loads(process.stdout.readline())

    assert sorted(ready) == ["account", "base", "ca", "client_id", "control", "control_token", "seed"]
    assert (ready["account"], ready["client_id"], ready["ca"], ready["seed"]) == ("777", "me", None, "1")
    assert ready["control"] == f"{ready['base']}/_lpnb"
    with httpx.Client(base_url=ready["base"], trust_env=False) as http:
        assert http.get("/api/account/777/service/idp/baseURI?version=1.0").status_code == 200
        form = {"client_id": "me", "client_secret": PUBLIC_SECRET, "grant_type": "client_credentials"}
        assert http.post("/sentinel/api/account/777/app/token?v=1.0", data=form).status_code == 200
    process.send_signal(sign)
    rest, errors = process.communicate(timeout=10)

    assert process.returncode == 0
    assert rest == ""
    assert errors == (
        "Point a client at the sandbox with these settings:\n"
        "LP_ACCOUNT_ID=777\n"
        "LP_CLIENT_ID=me\n"
        f"LP_CLIENT_SECRET={PUBLIC_SECRET}\n"
        f"LP_DOMAIN_API={ready['base']}\n"
        "LP_AGENT_LOGIN=mira.castellan\n"
        "LP_AGENT_PASSWORD=sandbox-password\n"
        "LP_HISTORY_KEY=sandbox-consumer-key\n"
        "LP_HISTORY_SECRET=sandbox-consumer-secret\n"
        "LP_HISTORY_TOKEN=sandbox-access-token\n"
        "LP_HISTORY_TOKEN_SECRET=sandbox-token-secret\n"
        f"Agent's page: {ready['base']}/\n"
        "Stop it with Ctrl-C.\n"
    )


def test_the_secrets_of_a_world_of_somebody_s_own_are_not_printed(announce, tmp_path):
    world = tmp_path / "world.toml"
    world.write_text(
        """
        name = "A shop"
        [[accounts]]
        id = "55501234"
        default_skill = "Orders"
        fallback_skill = "Orders"
        [[accounts.installations]]
        client_id = "shop"
        client_secret = "canary-1"
        name = "Shop"
        connector_id = 1
        [[accounts.api_keys]]
        consumer_key = "key"
        consumer_secret = "canary-2"
        token = "canary-3"
        token_secret = "canary-4"
        [[accounts.skills]]
        id = 1
        name = "Orders"
        [[accounts.agents]]
        id = 2
        name = "Lena"
        login = "lena"
        password = "canary-5"
        """
    )
    _, errors = announce("--world", str(world))

    assert "canary" not in errors
    assert errors.count("=(the one you gave)") == 5
    assert "LP_AGENT_LOGIN=lena\n" in errors


def test_a_taken_port_is_one_line_and_status_2(sandbox, capsys):
    assert main(["--port", str(sandbox.port)]) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"Port {sandbox.port} on 127.0.0.1 is taken. "
        "Choose another with --port, or --port 0 for any free one.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--account", "a b"], "account_id must be 1 to 20 letters, digits or underscores; got 'a b'.\n"),
        (["--port", "70000"], "port must be from 0 to 65535; got 70000.\n"),
        (["--token-lifetime", "0"], "token_lifetime must be 1 or more seconds; got 0.\n"),
    ],
)
def test_a_bad_option_is_one_line_and_status_2(capsys, arguments, sentence):
    assert main(arguments) == 2
    assert capsys.readouterr().err == sentence


@pytest.mark.parametrize("minutes", ["0", "-5", "nan", "inf", "25m"])
def test_auto_close_says_its_name_and_its_unit(capsys, minutes):
    with pytest.raises(SystemExit) as caught:
        main([f"--auto-close={minutes}"])

    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith(
        f"argument --auto-close: must be a number of minutes above 0; got {minutes!r}.\n"
    )


def test_the_help_says_where_the_agents_page_is(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])

    assert "agent's page" in capsys.readouterr().out


def test_an_unknown_option_is_status_2(capsys):
    assert main(["--colour"]) == 2
    assert "lpnb sandbox has no option --colour. " in capsys.readouterr().err


def test_a_secret_of_ones_own_is_not_printed(announce):
    ready, errors = announce("--client-secret", "very-secret-indeed")

    assert "very-secret-indeed" not in ready + errors
    assert "LP_CLIENT_SECRET=(the one you gave)\n" in errors


def test_main_puts_the_signal_handlers_back(sandbox):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    main(["--port", str(sandbox.port)])

    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_importing_the_package_starts_nothing_and_loads_no_server():
    code = (
        "import sys, threading, lpnb.sandbox\n"
        "print([name for name in ('uvicorn', 'starlette', 'joserfc', 'asyncio') if name in sys.modules],"
        " threading.active_count())"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[] 1\n"


def test_main_in_another_thread_leaves_signals_alone(sandbox, capsys):
    codes = []
    thread = threading.Thread(target=lambda: codes.append(main(["--port", str(sandbox.port)])))

    thread.start()
    thread.join(10)

    assert codes == [2]


@pytest.fixture
def shop(tmp_path):
    """Writes a world with these accounts, each with one installation."""
    world = tmp_path / "world.toml"
    installation = (
        '[[accounts.installations]]\nclient_id = "{0}"\nclient_secret = "s"\nname = "{0}"\nconnector_id = 1\n'
    )

    def written(*accounts):
        texts = (f'[[accounts]]\nid = "{name}"\n{installation.format(client)}' for name, client in accounts)
        world.write_text('name = "A shop"\n' + "".join(texts))
        return str(world)

    return written


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ("55501234", "shop")),
        (["--account", "55501234", "--client-id", "shop"], ("55501234", "shop")),
        # The defaults spelled out, as a script does that always names them.
        (["--account", DEFAULT_ACCOUNT, "--client-id", DEFAULT_CLIENT_ID], ("55501234", "shop")),
        (["--client-id", "another"], ("55501234", "another")),
    ],
)
def test_a_world_of_ones_own_is_played(announce, shop, options, expected):
    ready = json.loads(announce("--world", shop(("55501234", "shop")), *options).out)

    assert (ready["account"], ready["client_id"]) == expected


def test_the_defaults_are_meant_where_the_world_has_them(announce, shop):
    world = shop(("55501234", "shop"), (DEFAULT_ACCOUNT, DEFAULT_CLIENT_ID))
    chosen = ("--account", DEFAULT_ACCOUNT, "--client-id", DEFAULT_CLIENT_ID)

    ready = json.loads(announce("--world", world, *chosen).out)

    assert (ready["account"], ready["client_id"]) == (DEFAULT_ACCOUNT, DEFAULT_CLIENT_ID)


def test_an_account_that_the_world_does_not_have_is_one_line_and_status_2(shop, capsys):
    assert main(["--world", shop(("55501234", "shop")), "--account", "99999999"]) == 2
    assert "55501234" in capsys.readouterr().err


def test_a_world_that_is_none_is_refused_with_what_is_wrong(tmp_path, capsys):
    assert main(["--world", str(tmp_path / "nowhere.toml")]) == 2
    assert capsys.readouterr().err == f"Cannot read {tmp_path}/nowhere.toml: No such file or directory.\n"

    (tmp_path / "bad.toml").write_text("name = ")
    assert main(["--world", str(tmp_path / "bad.toml")]) == 2
    assert str(tmp_path / "bad.toml") in capsys.readouterr().err


@pytest.mark.parametrize("way", ["file", "environment"])
def test_the_client_secret_need_not_stand_on_the_command_line(announce, tmp_path, monkeypatch, way):
    if way == "file":
        (tmp_path / "secret").write_text("canary-4711\nnothing else counts\n")
        out, err = announce("--client-secret-file", str(tmp_path / "secret"))
    else:
        monkeypatch.setenv("LPNB_SANDBOX_CLIENT_SECRET", "canary-4711")
        out, err = announce()
    ready = json.loads(out)

    form = {"client_id": ready["client_id"], "grant_type": "client_credentials"}
    url = f"{ready['base']}/sentinel/api/account/{ready['account']}/app/token?v=1.0"
    answers = [
        httpx.post(url, data={**form, "client_secret": secret}, trust_env=False).status_code
        for secret in ("canary-4711", PUBLIC_SECRET)
    ]

    assert answers[0] == 200
    assert answers[1] != 200
    assert "canary-4711" not in out + err


def test_a_secret_file_that_is_empty_or_not_there_is_refused(tmp_path, capsys):
    (tmp_path / "empty").write_text("")

    assert main(["--client-secret-file", str(tmp_path / "empty")]) == 2
    assert capsys.readouterr().err == "client_id and client_secret must not be empty.\n"
    assert main(["--client-secret-file", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err == f"Cannot read {tmp_path}/none: No such file or directory.\n"
