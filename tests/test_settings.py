"""Where settings come from, and what is refused before anything is sent."""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path

import pytest

from lpnb import Secret, Settings, SettingsError
from lpnb.client.connect import find_settings
from lpnb.settings import SettingsLookup
from lpnb.transport.network import Network

FULL = "LP_ACCOUNT_ID=12345678\nLP_CLIENT_ID=file-id\nLP_CLIENT_SECRET=file-secret\n"
REPOSITORY = Path(__file__).resolve().parents[1]


def write(text: str | bytes, name: str = ".env", folder: str = ".") -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    Path(folder, name).write_bytes(text.encode() if isinstance(text, str) else text)
    Path(folder, name).chmod(0o644)  # whatever the umask of whoever runs the tests


def refusal(text: str | bytes) -> str:
    write(text)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    return str(caught.value)


def test_settings_are_read_from_the_file():
    write(FULL)

    settings = Settings.load()

    assert settings.account_id == "12345678"
    assert settings.client_id == "file-id"
    assert settings.client_secret.reveal() == "file-secret"
    assert settings.app_installation_id == "file-id"
    assert settings.domain_api == "https://api.liveperson.net"
    assert settings.trusted_hosts == ()
    assert settings.sources == {
        "LP_ACCOUNT_ID": "./.env",
        "LP_CLIENT_ID": "./.env",
        "LP_CLIENT_SECRET": "./.env",
    }


def test_settings_are_read_from_the_environment_alone(monkeypatch):
    monkeypatch.setenv("LP_ACCOUNT_ID", "87654321")
    monkeypatch.setenv("LP_CLIENT_ID", "env-id")
    monkeypatch.setenv("LP_CLIENT_SECRET", "env-secret")
    monkeypatch.setenv("LP_APP_INSTALLATION_ID", "installation")
    monkeypatch.setenv("LP_DOMAIN_API", "https://lookup.example/")
    monkeypatch.setenv("LP_TRUSTED_HOSTS", "a.example, B.example:8443")

    settings = Settings.load()

    assert settings.account_id == "87654321"
    assert settings.app_installation_id == "installation"
    assert settings.domain_api == "https://lookup.example"
    assert settings.trusted_hosts == ("a.example", "b.example:8443")
    assert set(settings.sources.values()) == {"environment"}


def test_the_environment_beats_the_file_setting_by_setting(monkeypatch):
    write(FULL)
    monkeypatch.setenv("LP_CLIENT_ID", "env-id")

    settings = Settings.load()

    assert settings.client_id == "env-id"
    assert settings.client_secret.reveal() == "file-secret"
    assert settings.sources["LP_CLIENT_ID"] == "environment"
    assert settings.sources["LP_ACCOUNT_ID"] == "./.env"


@pytest.mark.parametrize("blank", ["", "   "])
def test_a_blank_variable_does_not_hide_the_file(monkeypatch, blank):
    write(FULL)
    monkeypatch.setenv("LP_CLIENT_ID", blank)

    assert Settings.load().client_id == "file-id"


def test_the_process_environment_is_never_written_to():
    write(FULL + "OTHER=value\n")
    before = dict(os.environ)

    Settings.load()

    assert dict(os.environ) == before


def test_a_profile_has_a_file_of_its_own():
    write(FULL)
    write(FULL.replace("file-id", "staging-id"), ".env.staging")

    assert Settings.load("staging").client_id == "staging-id"
    assert Settings.load().client_id == "file-id"


def test_a_profile_that_does_not_exist_says_where_it_was_looked_for():
    write(FULL)

    with pytest.raises(SettingsError) as caught:
        Settings.load("staging")

    assert str(caught.value) == "There is no profile 'staging'. Looked for ./.env.staging."


@pytest.mark.parametrize("profile", ["../x", "a/b", "", "a b", "x" * 65, "staging\n"])
def test_a_profile_name_cannot_reach_elsewhere(profile):
    with pytest.raises(SettingsError) as caught:
        Settings.load(profile)

    assert str(caught.value) == (
        f"A profile's name is 1 to 64 letters, digits, dashes or underscores; got {profile!r}."
    )


def test_the_file_is_looked_for_upwards_to_the_root_of_the_project(monkeypatch):
    write("[project]\n", "pyproject.toml")
    write(FULL)
    Path("notebooks/deep").mkdir(parents=True)
    monkeypatch.chdir("notebooks/deep")

    settings = Settings.load()

    assert settings.client_id == "file-id"
    assert settings.sources["LP_CLIENT_ID"].endswith("/.env")


def test_the_nearest_file_counts(monkeypatch):
    write("[project]\n", "pyproject.toml")
    write(FULL)
    write(FULL.replace("file-id", "near-id"), folder="notebooks")
    monkeypatch.chdir("notebooks")

    assert Settings.load().client_id == "near-id"


def test_the_search_ends_at_the_root_of_the_project(monkeypatch):
    write(FULL)
    write("[project]\n", "pyproject.toml", "inner")
    monkeypatch.chdir("inner")

    with pytest.raises(SettingsError, match=r"^3 settings are missing"):
        Settings.load()


@pytest.mark.parametrize("inner", ["notebooks", "inner/most"])
def test_without_a_project_no_other_folder_is_looked_in(monkeypatch, inner):
    write(FULL)
    Path(inner).mkdir(parents=True)
    monkeypatch.chdir(inner)

    with pytest.raises(SettingsError) as caught:
        Settings.load()

    assert str(caught.value) == (
        "3 settings are missing: LP_ACCOUNT_ID, LP_CLIENT_ID, LP_CLIENT_SECRET.\n"
        "Looked in: the environment (0 settings), then ./.env (not there).\n"
        "Write them into a file .env as NAME=value, or set them in the environment."
    )


def test_another_folder_can_be_named():
    write(FULL, folder="accounts")

    assert Settings.load(directory="accounts").client_id == "file-id"


def test_all_that_is_missing_is_named_at_once_with_every_place_looked_in(monkeypatch):
    write("LP_CLIENT_SECRET=hush-hush\n")
    monkeypatch.setenv("LP_TRUSTED_HOSTS", "a.example")

    with pytest.raises(SettingsError) as caught:
        Settings.load()

    assert str(caught.value) == (
        "2 settings are missing: LP_ACCOUNT_ID, LP_CLIENT_ID.\n"
        "Looked in: the environment (1 setting), then ./.env (found, 1 setting).\n"
        "Add them to ./.env as NAME=value, or set them in the environment."
    )


def test_one_missing_setting_is_named_in_the_singular():
    message = refusal("LP_ACCOUNT_ID=1\nLP_CLIENT_ID=a\nLP_CLIENT_SECRET=\n")

    assert message.startswith("1 setting is missing: LP_CLIENT_SECRET.\n")


def test_a_misspelt_setting_is_pointed_out():
    message = refusal("LP_ACCOUNT_ID=1\nLP_CLIENTID=a\nLP_CLIENT_SECRET=b\n")

    assert "LP_CLIENTID is not a setting. Did you mean LP_CLIENT_ID?" in message.splitlines()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("LP_CLIENT_SECRET: hush-hush", "line 2 is not NAME=value"),
        ('LP_CLIENT_SECRET="hush-hush" x', "line 2 is not NAME=value"),
        ('LP_CLIENT_SECRET="hush-hush', "line 2 is not NAME=value"),
        ("LP_CLIENT_SECRET='hush-hush", "line 2 is not NAME=value"),
        ("LP_CLIENT_SECRET", "line 2 is not NAME=value"),
        ("hush-hush is not even a name", "line 2 is not NAME=value"),
        ("=hush-hush", "line 2 is not NAME=value"),
        ("LP_ACCOUNT_ID=hush-hush", "line 2 gives LP_ACCOUNT_ID again, after line 1"),
    ],
)
def test_a_line_that_would_be_dropped_is_refused_with_its_number_and_never_its_value(line, reason):
    message = refusal(f"LP_ACCOUNT_ID=12345678\n{line}\nLP_CLIENT_ID=file-id\n")

    assert message == (
        f"./.env cannot be relied on: {reason}. "
        'Write one NAME=value a line, and NAME="value" when the value has spaces or a #.'
    )
    assert "hush" not in message


def test_every_line_that_would_be_dropped_is_named_blank_lines_counted():
    message = refusal("\n\nLP_ACCOUNT_ID: 1\n\n# fine\nLP_CLIENT_ID\nA=1\n\n\nA=2\n")

    assert message.startswith(
        "./.env cannot be relied on: line 3 is not NAME=value; line 6 is not NAME=value; "
        "line 10 gives A again, after line 7. "
    )


def test_a_refused_line_stays_out_of_a_traceback_that_shows_variables():
    write("LP_ACCOUNT_ID=1\nLP_CLIENT_SECRET: hush-hush\n")

    try:
        Settings.load()
    except SettingsError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())

    assert "cannot be relied on" in shown
    assert "hush" not in shown


def test_a_malformed_setting_keeps_the_secret_out_of_a_traceback_that_shows_variables():
    write("LP_ACCOUNT_ID=not an account\nLP_CLIENT_ID=a\nLP_CLIENT_SECRET=hush-hush\n")

    try:
        Settings.load()
    except SettingsError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())

    assert "LP_ACCOUNT_ID must be" in shown
    assert "hush" not in shown


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("${HOME}", "${HOME}"),
        ("'${HOME}'", "${HOME}"),
        ('"${HOME}"', "${HOME}"),
        ("a$HOME", "a$HOME"),
        ("${LP_ACCOUNT_ID}", "${LP_ACCOUNT_ID}"),
        ("a#b", "a#b"),
        ("ab # a remark", "ab"),
        ('"a # b"', "a # b"),
        ("  padded  ", "padded"),
        ("pässwörd=é", "pässwörd=é"),
        ("x=y=z", "x=y=z"),
    ],
)
def test_a_value_is_taken_as_it_stands(written, read):
    write(f"LP_ACCOUNT_ID=12345678\nLP_CLIENT_ID=a\nLP_CLIENT_SECRET={written}\n")

    assert Settings.load().client_secret.reveal() == read


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + FULL.encode(),
        FULL.replace("\n", "\r\n").encode(),
        b"export " + FULL.encode(),
        b"\n\n# a remark\n" + FULL.encode().rstrip(b"\n"),
    ],
    ids=["byte order mark", "CRLF", "export", "no newline at the end"],
)
def test_ordinary_files_of_other_editors_are_read(content):
    write(content)

    settings = Settings.load()

    assert settings.account_id == "12345678"
    assert settings.client_secret.reveal() == "file-secret"


def test_a_file_that_is_not_utf8_is_refused():
    assert refusal(FULL.encode() + b"NAME=caf\xe9\n") == (
        "./.env is not UTF-8 text: line 4 has a letter of another encoding. Save the file as UTF-8."
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_a_file_in_the_encodings_of_windows_is_read(encoding):
    Path(".env").write_bytes(FULL.replace("\n", "\r\n").encode(encoding))

    assert Settings.load().account_id == Settings.of(dict(os.environ) | _values(FULL)).account_id


def _values(text):
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("\u201cnever-shown\u201d", "a typographic quote, \u201c (U+201C). Write the value without quotes, "),
        ("\u2018never-shown\u2019", "a typographic quote, \u2018 (U+2018). Write the value without quotes, "),
        ("never-shown\u200b", "an invisible character (U+200B). Type the value anew."),
        ("never\u00a0shown", "an invisible character (U+00A0). Type the value anew."),
        ("\ufeffnever-shown", "an invisible character (U+FEFF). Type the value anew."),
    ],
)
def test_what_an_editor_put_around_a_secret_is_named_without_the_secret(value, problem):
    Path(".env").write_text(
        f"LP_ACCOUNT_ID=12345678\nLP_CLIENT_ID=id\nLP_CLIENT_SECRET={value}\n", encoding="utf-8"
    )

    with pytest.raises(SettingsError) as caught:
        Settings.load()

    assert str(caught.value).startswith(f"LP_CLIENT_SECRET (from ./.env) holds {problem}")
    assert "never" not in str(caught.value)


@pytest.mark.parametrize("value", ["${VAULT}", "changeme", "{{secret}}", "<secret>", "YOUR_SECRET", "xxxx"])
def test_a_value_that_nobody_filled_in_is_suspicious(value):
    Path(".env").write_text(
        f"LP_ACCOUNT_ID=12345678\nLP_CLIENT_ID=id\nLP_CLIENT_SECRET={value}\n", encoding="utf-8"
    )

    assert SettingsLookup.find().suspicious_values() == [
        "LP_CLIENT_SECRET looks like a placeholder. Put the real value in its place."
    ]


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("lp_account_id=1", "lp_account_id is not a setting: names are in capitals. Write LP_ACCOUNT_ID."),
        ("Lp_Account_Id=1", "Lp_Account_Id is not a setting: names are in capitals. Write LP_ACCOUNT_ID."),
        ("LIVEPERSON_ACCOUNT_ID=1", "LIVEPERSON_ACCOUNT_ID is not a setting. Did you mean LP_ACCOUNT_ID?"),
        ("$env:LP_ACCOUNT_ID='1'", "$env:LP_ACCOUNT_ID is not a setting. Did you mean LP_ACCOUNT_ID?"),
        ("liveperson_client_id=1", "liveperson_client_id is not a setting. Did you mean LP_CLIENT_ID?"),
    ],
)
def test_a_name_in_another_spelling_is_noticed(line, hint):
    Path(".env").write_text(f"{line}\n", encoding="utf-8")

    with pytest.raises(SettingsError) as caught:
        find_settings()

    assert hint in str(caught.value).splitlines()


def test_a_name_in_small_letters_is_noticed_in_the_environment_too(monkeypatch):
    monkeypatch.setenv("lp_client_secret", "never-shown")

    with pytest.raises(SettingsError) as caught:
        find_settings()

    assert "lp_client_secret is not a setting: names are in capitals. Write LP_CLIENT_SECRET." in str(
        caught.value
    )
    assert "never-shown" not in str(caught.value)


SECRETS = [
    "LP_CLIENT_SECRET",
    "LP_HISTORY_CLIENT_SECRET",
    "LP_AGENT_PASSWORD",
    "LP_HISTORY_SECRET",
    "LP_HISTORY_TOKEN",
    "LP_HISTORY_TOKEN_SECRET",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LP_DOMAIN_API", "https://collector.example"),
        ("LP_DOMAIN_API", "http://127.0.0.1:8000"),
        ("LP_TRUSTED_HOSTS", "collector.example"),
        ("LP_PROXY", "http://collector.example:3128"),
        ("LP_CA_FILE", "collector.pem"),
    ],
)
def test_a_file_does_not_decide_where_a_secret_of_the_environment_goes(monkeypatch, secret, name, value):
    Path("collector.pem").write_text("")
    write(f"{FULL}{name}={value}\n")
    monkeypatch.setenv(secret, "canary")

    with pytest.raises(SettingsError) as caught:
        Settings.load()

    assert str(caught.value) == (
        f"{name} is set in ./.env and would decide where {secret} may go, which comes from the environment. "
        f"Set {name} in the environment too, or write it into ./.env."
    )


def test_all_secrets_and_destinations_that_part_are_named_at_once(monkeypatch):
    write(f"{FULL}LP_DOMAIN_API=https://a.example\nLP_PROXY=http://b.example\n")
    monkeypatch.setenv("LP_CLIENT_SECRET", "canary")
    monkeypatch.setenv("LP_AGENT_PASSWORD", "canary")

    with pytest.raises(SettingsError) as caught:
        find_settings()

    lines = str(caught.value).splitlines()
    assert [line.split()[0] for line in lines] == ["LP_DOMAIN_API", "LP_PROXY"]
    assert all("LP_CLIENT_SECRET and LP_AGENT_PASSWORD may go, which come from" in line for line in lines)


def test_the_environment_decides_for_secrets_of_a_file_and_of_its_own(monkeypatch):
    write(f"{FULL}LP_DOMAIN_API=https://file.example\n")
    monkeypatch.setenv("LP_CLIENT_SECRET", "of-the-environment")
    monkeypatch.setenv("LP_DOMAIN_API", "https://environment.example")

    assert Settings.load().domain_api == "https://environment.example"
    monkeypatch.delenv("LP_CLIENT_SECRET")
    assert Settings.load().client_secret.reveal() == "file-secret"


def test_a_file_may_name_the_domain_api_that_counts_anyway(monkeypatch):
    write(f"{FULL}LP_DOMAIN_API=https://api.liveperson.net\n")
    monkeypatch.setenv("LP_CLIENT_SECRET", "of-the-environment")

    assert Settings.load().domain_api == "https://api.liveperson.net"


def test_what_a_cluster_worker_sends_does_not_take_the_way_that_a_file_of_its_folder_names(monkeypatch):
    write("LP_PROXY=http://collector.example:3128\nLP_CA_FILE=collector.pem\n")
    monkeypatch.setenv("HTTPS_PROXY", "http://own.example:3128")

    network = Network.of_environment()

    assert (network.proxy.reveal(), network.ca_file) == ("http://own.example:3128", "")


needs_modes = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owner and mode here")
needs_root = pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root gives files away")


@needs_modes
@pytest.mark.parametrize("mode", [0o666, 0o622, 0o602, 0o660, 0o620, 0o646, 0o777])
@pytest.mark.parametrize("profile", [None, "staging"])
def test_a_file_that_others_may_write_is_refused_with_the_command_that_mends_it(mode, profile):
    name = ".env" if profile is None else f".env.{profile}"
    write(FULL, name)
    Path(name).chmod(mode)

    with pytest.raises(SettingsError) as caught:
        Settings.load(profile)

    assert str(caught.value) == (
        f"./{name} may be changed by others (mode {mode:04o}). Keep it to yourself: chmod 600 ./{name}\n"
        "Where files have no owner, as on some mounts, set LP_ALLOW_SHARED_ENV=1 in the environment."
    )


@needs_modes
@needs_root
@pytest.mark.parametrize("plant", ["file", "link to another's file", "another's link to my file"])
def test_a_file_of_another_user_is_refused(plant):
    write("[project]\n", "pyproject.toml")
    write(FULL, "elsewhere" if "link" in plant else ".env")
    if "link" in plant:
        Path(".env").symlink_to("elsewhere")
    os.chown("elsewhere" if plant == "link to another's file" else ".env", 4711, 4711, follow_symlinks=False)
    Path("notebooks").mkdir()

    with pytest.raises(SettingsError) as caught:
        Settings.load(directory="notebooks")

    assert str(caught.value).startswith(
        "./.env belongs to another user (number 4711), who could change in it where your secrets are sent. "
    )


@needs_modes
def test_a_shared_file_is_read_where_the_environment_says_so_and_not_where_the_file_does(monkeypatch):
    write(f"{FULL}LP_ALLOW_SHARED_ENV=1\n")
    Path(".env").chmod(0o666)
    with pytest.raises(SettingsError, match="may be changed by others"):
        Settings.load()

    monkeypatch.setenv("LP_ALLOW_SHARED_ENV", "1")

    assert Settings.load().client_id == "file-id"


@needs_modes
def test_a_shared_file_of_other_programs_stands_in_nobodys_way():
    write("POSTGRES_PASSWORD=x\n")
    Path(".env").chmod(0o666)

    assert SettingsLookup.find().values == {}


@needs_modes
@pytest.mark.parametrize(
    ("mode", "advice"), [(0o644, "chmod 600 ./.env"), (0o640, "chmod 600 ./.env"), (0o600, None)]
)
def test_a_file_with_secrets_that_others_may_read_is_noticed(mode, advice):
    write(FULL)
    Path(".env").chmod(mode)

    assert SettingsLookup.find().readable_by_others() == advice


@pytest.mark.parametrize(("name", "profile"), [(".env", None), (".env.staging", "staging")])
def test_a_folder_in_place_of_the_file_is_refused(name, profile):
    Path(name).mkdir()

    with pytest.raises(SettingsError) as caught:
        SettingsLookup.find(profile)

    assert str(caught.value) == (
        f"./{name} is a folder and not a file; Docker makes one where a file to mount is missing. "
        "Remove it, and write the file."
    )


def test_an_environment_of_python_called_env_is_not_the_file():
    Path(".env").mkdir()
    Path(".env/pyvenv.cfg").touch()

    with pytest.raises(SettingsError, match=re.escape("./.env (not there)")):
        Settings.load()


@pytest.mark.parametrize("account", ["", "12-34", "a b", "x" * 21, "1234\n", "é", "../1"])
def test_an_account_id_that_cannot_be_one_is_refused(account):
    with pytest.raises(SettingsError) as caught:
        Settings(account, "id", "secret")

    assert str(caught.value) == (
        f"LP_ACCOUNT_ID must be 1 to 20 letters, digits or underscores; got {account!r}."
    )


@pytest.mark.parametrize("client_id", ["", "a b", "é", "x" * 129, "id\r\nX-Header: 1"])
def test_a_client_id_that_cannot_be_one_is_refused(client_id):
    with pytest.raises(SettingsError, match="LP_CLIENT_ID must be 1 to 128 printable characters"):
        Settings("1", client_id, "secret")


@pytest.mark.parametrize("secret", ["", None])
def test_a_secret_must_be_given(secret):
    with pytest.raises(SettingsError, match=r"^LP_CLIENT_SECRET must not be empty\.$"):
        Settings("1", "id", secret)


@pytest.mark.parametrize("secret", [b"hush-hush", ["hush-hush"], "hush-\udcffhush"])
def test_a_secret_that_is_not_text_is_refused_and_not_shown(secret):
    with pytest.raises(SettingsError) as caught:
        Settings("1", "id", secret)

    assert str(caught.value).startswith("LP_CLIENT_SECRET must be text")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("origin", "trouble"),
    [
        ("api.liveperson.net", "must be an origin such as https://api.liveperson.net"),
        ("ftp://api.liveperson.net", "must be an origin such as https://api.liveperson.net"),
        ("https://", "must be an origin such as https://api.liveperson.net"),
        ("", "must be an origin such as https://api.liveperson.net"),
        ("https://user:pw@api.liveperson.net", "must not hold a user name or password."),
        ("https://api.liveperson.net/api", "must be an origin without a path"),
        ("https://api.liveperson.net?x=1", "must be an origin without a path"),
        ("https://api.liveperson.net#x", "must be an origin without a path"),
        ("https://api.liveperson.net?", "must be an origin"),
        ("https://api.liveperson.net#", "must be an origin"),
        ("https://api.live person.net", "must be an origin"),
        ("https://api.liveperson.net\\.evil.example", "must be an origin"),
        ("ftp://user:pw@api.liveperson.net", "must not hold a user name or password."),
        ("http://api.liveperson.net", "must be https: plain http is for this machine only"),
        ("http://127.0.0.2", "must be https: plain http is for this machine only"),
        ("http://localhost.evil.example", "must be https: plain http is for this machine only"),
        ("https://api.liveperson.net:99999", "is not a URL"),
        ("https://[::1", "is not a URL"),
    ],
)
def test_a_domain_api_that_cannot_be_one_is_refused(origin, trouble):
    with pytest.raises(SettingsError) as caught:
        Settings("1", "id", "secret", domain_api=origin)

    assert str(caught.value).startswith(f"LP_DOMAIN_API {trouble}")
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("origin", "loopback"),
    [
        ("https://api.liveperson.net", False),
        ("https://lookup.example:8443", False),
        ("http://127.0.0.1:50123", True),
        ("http://localhost:50123", True),
        ("http://[::1]:50123", True),
        ("https://127.0.0.1.evil.example", False),
    ],
)
def test_a_domain_api_on_this_machine_is_told_from_one_elsewhere(origin, loopback):
    assert Settings("1", "id", "secret", domain_api=origin).on_loopback is loopback


@pytest.mark.parametrize(
    "host", ["https://a.example", "a.example/x", "user@a.example", "*.example", "a..example", "-a.example"]
)
def test_a_trusted_host_is_a_host_name_and_nothing_else(host):
    with pytest.raises(SettingsError) as caught:
        Settings("1", "id", "secret", trusted_hosts=(host,))

    assert str(caught.value) == (
        "LP_TRUSTED_HOSTS must list host names such as connector.example.com:8443; "
        f"{host!r} is not a plain host name."
    )


@pytest.mark.parametrize(
    ("host", "trouble"),
    [
        ("10.0.0.5", "is an address, not a host name"),
        ("a.0x7f", "is an address, not a host name"),
        ("a.example:99999", "has a port that does not exist"),
        ("a.example:0", "has a port that does not exist"),
    ],
)
def test_a_trusted_host_that_could_never_be_used_is_refused_at_once(host, trouble):
    with pytest.raises(SettingsError) as caught:
        Settings("1", "id", "secret", trusted_hosts=(host,))

    assert str(caught.value).endswith(f"; {host!r} {trouble}.")


def test_everything_that_is_malformed_is_named_at_once():
    with pytest.raises(SettingsError) as caught:
        Settings("a b", "id", "", domain_api="ftp://x", trusted_hosts=("x/",))

    assert [line.split()[0] for line in str(caught.value).splitlines()] == [
        "LP_ACCOUNT_ID",
        "LP_CLIENT_SECRET",
        "LP_DOMAIN_API",
        "LP_TRUSTED_HOSTS",
    ]


def test_settings_are_made_from_a_mapping():
    settings = Settings.of({"LP_ACCOUNT_ID": "1", "LP_CLIENT_ID": "a", "LP_CLIENT_SECRET": "b"})

    assert settings == Settings("1", "a", Secret("b"))


def test_settings_show_everything_but_the_secret_in_a_notebook():
    write(FULL + "LP_TRUSTED_HOSTS=a.example\n")

    html = Settings.load()._repr_html_()

    assert "file-secret" not in html
    for shown in ("12345678", "file-id", "********", "https://api.liveperson.net", "a.example", "./.env"):
        assert shown in html
    assert ">default<" in html


CANARY = "Ca-NaRy.4711/x+9Q=="
PLAIN = {
    "LP_ACCOUNT_ID": "12345678",
    "LP_CLIENT_ID": "id",
    "LP_CLIENT_SECRET": "another",
    "LP_AGENT_LOGIN": "mira",
    "LP_AGENT_PASSWORD": "pw",
}


@pytest.mark.parametrize(
    ("name", "canary"),
    [
        *((name, CANARY) for name in ("LP_ACCOUNT_ID", "LP_DOMAIN_API", "LP_TRUSTED_HOSTS", "LP_CA_FILE")),
        ("LP_PROXY", CANARY),
        ("LP_ACCOUNT_ID", "canary-4711"),
        ("LP_ACCOUNT_ID", "canary4711canary4711canary"),
        ("LP_DOMAIN_API", "canary4711canary4711canary"),
        ("LP_DOMAIN_API", "eyJhbGci.canary4711.x-Y_z"),
        ("LP_CA_FILE", "canary4711canary4711canary"),
        ("LP_TRUSTED_HOSTS", "canary_4711"),
    ],
)
def test_a_secret_in_the_wrong_field_is_refused_and_not_printed_back(name, canary):
    with pytest.raises(SettingsError) as caught:
        Settings.of({**PLAIN, name: canary})

    assert str(caught.value).startswith(name)
    assert "canary" not in str(caught.value).lower()


@pytest.mark.parametrize("canary", ["canary 4711", "canary\u00e94711", "canary-" * 20])
@pytest.mark.parametrize("name", ["LP_CLIENT_ID", "LP_APP_INSTALLATION_ID"])
def test_a_secret_that_is_no_client_id_is_not_printed_back(name, canary):
    with pytest.raises(SettingsError) as caught:
        Settings.of({**PLAIN, name: canary})

    assert (
        f"{name} must be 1 to 128 printable characters without spaces; got {len(canary)} characters"
        in str(caught.value)
    )
    assert "canary" not in str(caught.value)


def test_arguments_in_the_wrong_order_print_no_secret():
    with pytest.raises(SettingsError) as caught:
        Settings("k3Jp-29dkQx1-canary", "12345678", "client id")

    assert str(caught.value) == (
        "LP_ACCOUNT_ID must be 1 to 20 letters, digits or underscores; got 19 characters, not shown."
    )


@pytest.mark.parametrize("secret", ["secret.example", "https://secret.example/"])
def test_a_secret_that_looks_like_a_host_is_masked_wherever_it_stands_again(secret):
    with pytest.raises(SettingsError) as caught:
        Settings("1", "id", secret, domain_api=f"ftp://{secret}", trusted_hosts=[f"{secret}/x"])

    assert secret not in str(caught.value)


def test_all_secrets_are_known_to_those_who_take_them_out_of_text():
    values = {name: f"canary-{name}" for name in SECRETS}
    given = {"LP_HISTORY_CLIENT_ID": "h", "LP_HISTORY_KEY": "k", "LP_PROXY": "http://u:p%40ss@a.example:1"}

    settings = Settings.of({**PLAIN, **values, **given})

    assert {secret.reveal() for secret in settings.secrets} == {*values.values(), "p@ss"}


@pytest.mark.parametrize(
    "value", ["0", "1048575", "-1", "1e9", "1 MiB", "true", "2147483648", "\u0661\u0662\u0663" * 3, " "]
)
def test_a_limit_of_bodies_that_is_none_is_refused(value):
    with pytest.raises(SettingsError) as caught:
        Settings.of({**PLAIN, "LP_LARGEST_BODY": value})

    assert str(caught.value) == (
        "LP_LARGEST_BODY must be a number of bytes, from 1048576 (1 MiB) to 2147483647."
    )


@pytest.mark.parametrize("value", [5_000_000, "5000000", " 5000000 "])
def test_the_limit_of_bodies_can_be_raised(value):
    assert Settings("1", "a", "b", largest_body=value).largest_body == 5_000_000
    assert Settings.of({**PLAIN, "LP_LARGEST_BODY": value}).largest_body == 5_000_000
    assert Settings("1", "a", "b").largest_body == 1_048_576


def test_the_example_file_names_every_setting_and_no_other():
    example = (REPOSITORY / ".env.example").read_text(encoding="utf-8")

    names = re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)

    assert names == [
        "LP_ACCOUNT_ID",
        "LP_CLIENT_ID",
        "LP_CLIENT_SECRET",
        "LP_APP_INSTALLATION_ID",
        "LP_DOMAIN_API",
        "LP_TRUSTED_HOSTS",
        "LP_HISTORY_CLIENT_ID",
        "LP_HISTORY_CLIENT_SECRET",
        "LP_AGENT_LOGIN",
        "LP_AGENT_PASSWORD",
        "LP_HISTORY_KEY",
        "LP_HISTORY_SECRET",
        "LP_HISTORY_TOKEN",
        "LP_HISTORY_TOKEN_SECRET",
        "LP_PROXY",
        "LP_CA_FILE",
        "LP_LARGEST_BODY",
    ]
    from lpnb.settings import SETTINGS

    assert [name for name, _, _ in SETTINGS] == names


def test_the_example_file_filled_in_can_be_read():
    example = (REPOSITORY / ".env.example").read_text(encoding="utf-8")
    for name, value in {"ACCOUNT_ID": "1", "CLIENT_ID": "a", "CLIENT_SECRET": "b"}.items():
        example = example.replace(f"LP_{name}=\n", f"LP_{name}={value}\n")
    write(example)

    assert Settings.load() == Settings("1", "a", Secret("b"))


HISTORY = {
    "LP_AGENT_LOGIN": "mira",
    "LP_AGENT_PASSWORD": "canary-password",
    "LP_HISTORY_KEY": "key",
    "LP_HISTORY_SECRET": "canary-secret",
    "LP_HISTORY_TOKEN": "canary-token",
    "LP_HISTORY_TOKEN_SECRET": "canary-token-secret",
}
ACCOUNT = {"LP_ACCOUNT_ID": "1", "LP_CLIENT_ID": "a", "LP_CLIENT_SECRET": "b"}


def test_the_credentials_for_history_are_read_and_shown_to_nobody():
    settings = Settings.of(ACCOUNT | HISTORY)

    assert (settings.agent_login, settings.history_key) == ("mira", "key")
    assert settings.agent_password.reveal() == "canary-password"
    assert settings.history_secret.reveal() == "canary-secret"
    assert settings.history_token.reveal() == "canary-token"
    assert settings.history_token_secret.reveal() == "canary-token-secret"
    assert "canary" not in repr(settings) + settings._repr_html_() + str(vars(settings))
    assert settings._repr_html_().count("********") == 5


def test_half_a_credential_for_history_names_the_other_half():
    with pytest.raises(SettingsError) as caught:
        Settings.of(ACCOUNT | {"LP_AGENT_PASSWORD": "canary", "LP_HISTORY_KEY": "k", "LP_HISTORY_TOKEN": "t"})

    assert str(caught.value) == (
        "LP_AGENT_PASSWORD alone cannot open history: LP_AGENT_LOGIN must be given too.\n"
        "LP_HISTORY_KEY and LP_HISTORY_TOKEN alone cannot open history: "
        "LP_HISTORY_SECRET, LP_HISTORY_TOKEN_SECRET must be given too."
    )


def test_a_password_that_cannot_be_encoded_is_named_without_being_shown():
    with pytest.raises(SettingsError) as caught:
        Settings.of(ACCOUNT | {"LP_AGENT_LOGIN": "mira", "LP_AGENT_PASSWORD": "canary\ud800"})

    assert str(caught.value) == (
        "LP_AGENT_PASSWORD must be text that can be encoded; it holds half a character."
    )
