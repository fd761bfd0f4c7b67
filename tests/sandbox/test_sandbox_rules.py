"""The switches, by the same names everywhere: Python, a file, a world, the command line, the control API."""

import inspect
from dataclasses import asdict
from pathlib import Path

import httpx
import pytest

import lpnb
from lpnb.client.sandbox_control import CONTROL_VARIABLE, TOKEN_VARIABLE, SandboxControl
from lpnb.sandbox import Rules, Sandbox
from lpnb.sandbox.__main__ import _parser, _rules, _webhook
from lpnb.sandbox.world.loader import WorldError, parse_world
from lpnb.sandbox.world.rules import RULE_NAMES, RulesError, make_rules, parse_rule, read_rules

WORLD = """
[[accounts]]
id = "12345678"
installations = [{client_id = "app", client_secret = "s", name = "App"}]
[rules]
unknown_ids = "refuse"
history_delay = 60
"""


def test_every_rule_is_a_keyword_of_the_sandbox():
    keywords = inspect.signature(Sandbox).parameters

    assert [name for name in RULE_NAMES if name not in keywords] == []


def test_python_takes_keywords_a_mapping_an_object_and_a_file(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text('[rules]\nunknown_ids = "refuse"\n', "utf-8")

    for options in (
        {"unknown_ids": "refuse"},
        {"rules": {"unknown_ids": "refuse"}},
        {"rules": Rules(unknown_ids="refuse")},
        {"rules": path},
        {"rules": str(path)},
    ):
        assert Sandbox(**options).rules == Rules(unknown_ids="refuse")


def test_a_keyword_wins_over_rules_and_those_over_the_world():
    world = parse_world(WORLD)

    assert Sandbox(world=world).rules == Rules(unknown_ids="refuse", history_delay=60)
    sandbox = Sandbox(world=world, rules={"history_delay": 5, "check_files": False}, check_files=True)
    assert sandbox.rules == Rules(unknown_ids="refuse", history_delay=5)


def test_everything_wrong_with_rules_is_said_at_once_with_the_nearest_name():
    with pytest.raises(RulesError) as caught:
        make_rules({"sde_cheks": "strict", "unknown_ids": "refused", "send_expires_in": True})

    assert str(caught.value) == (
        "3 things are wrong in the rules:\n"
        "  sde_cheks is no rule. Did you mean 'sde_checks'?\n"
        "  unknown_ids must be one of 'accept', 'refuse'; got 'refused'. Did you mean 'refuse'?\n"
        "  send_expires_in is gone: Sentinel V2 always answers with expires_in, as text, and V1 never does."
    )


def test_a_worlds_rules_are_checked_with_their_path():
    with pytest.raises(WorldError) as caught:
        parse_world(WORLD.replace("unknown_ids", "unkown_ids"))

    assert caught.value.complaints == ["rules.unkown_ids is no rule. Did you mean 'unknown_ids'?"]


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("check_files=false", ("check_files", False)),
        ("check_files = True", ("check_files", True)),
        ("already_open_status=400", ("already_open_status", 400)),
        ("history_delay=0.5", ("history_delay", 0.5)),
        ("routing_order=sde>skill>campaign", ("routing_order", "sde>skill>campaign")),
    ],
)
def test_a_rule_is_read_as_on_the_command_line(text, pair):
    assert parse_rule(text) == pair


@pytest.mark.parametrize(
    "text", ["check_files", "check_files=", "check_files=1", "history_delay=-1", "=5", "a=b"]
)
def test_what_is_no_rule_is_refused(text):
    with pytest.raises(RulesError):
        parse_rule(text)


def test_the_command_line_takes_a_file_and_rules_that_win_over_it(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text("[rules]\nhistory_delay = 60\ncheck_files = false\n", "utf-8")
    arguments = _parser().parse_args(
        ["--rules", str(path), "--rule", "history_delay=5", "--rule", "unknown_ids=refuse"]
    )

    assert _rules(arguments) == {"history_delay": 5, "check_files": False, "unknown_ids": "refuse"}


def test_the_command_line_says_everything_that_is_wrong_with_its_rules():
    arguments = _parser().parse_args(["--rule", "history_dely=5", "--rule", "unknown_ids"])

    with pytest.raises(RulesError) as caught:
        _rules(arguments)

    assert len(caught.value.complaints) == 2


@pytest.mark.parametrize("content", ["", "rules = 5", "[rules]\nx = 1", "[rules", "[other]\n"])
def test_a_file_without_good_rules_is_refused_by_its_name(tmp_path, content):
    path = tmp_path / "rules.toml"
    path.write_text(content, "utf-8")

    with pytest.raises(RulesError, match=r"rules\.toml"):
        read_rules(path)


def control(connector, method, path, body=None):
    headers = {"X-Sandbox-Token": connector.sandbox.control_token}
    return connector.http.request(method, f"/_lpnb{path}", json=body, headers=headers)


def test_the_control_api_lists_every_rule_with_what_is_known(connector):
    rules = control(connector, "GET", "/rules").json()["rules"]

    assert [rule["name"] for rule in rules] == list(RULE_NAMES)
    assert {rule["name"]: rule["value"] for rule in rules} == asdict(connector.sandbox.rules)
    assert all(len(rule["known"]) > 40 for rule in rules)
    by_name = {rule["name"]: rule for rule in rules}
    unknown = by_name["unknown_ids"]
    assert (unknown["default"], unknown["choices"]) == ("accept", ["accept", "refuse"])
    assert unknown["settle"] == "lpnb calibrate"
    assert by_name["webhook_signature"]["settle"] == "lpnb calibrate --receiver PORT"


def test_every_rule_is_in_the_table_of_the_page_with_how_to_settle_it():
    page = Path(__file__).parents[2].joinpath("docs/sandbox.md").read_text("utf-8")

    for name, default in asdict(Rules()).items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` | `"))
        _, _, shown, unknown, settle, _ = row.replace("\\|", "/").split("|")
        assert shown.strip() in (
            f"`{default}`",
            f'`"{default}"`',
            f"`{default:g}`" if name == "history_delay" else "",
        )
        assert unknown.strip()
        assert settle.strip().startswith("calibrate")


def test_another_accounts_brand_id_is_refused_unless_nobody_looks_at_it(connect):
    refused = connect().post(connect().batch(brandId="87654321"))
    opened = connect(check_brand_id=False)
    taken = opened.post(opened.batch(brandId="87654321")).json()[1]

    assert refused.json()[1]["body"]["msg"] == "brandId must be the account of the path, '12345678'."
    (conversation,) = opened.sandbox.conversations
    assert conversation.conversation_id == taken["body"]["conversationId"]
    assert conversation.account_id == "12345678"


def test_rules_change_while_it_runs_and_are_those_of_the_start_after_a_reset(connect):
    connector = connect(unknown_ids="refuse")
    refused = connector.post(connector.batch(skillId="1"))
    assert refused.status_code == 400

    reply = control(connector, "POST", "/rules", {"unknown_ids": "accept"})
    assert reply.status_code == 200
    assert connector.post(connector.batch(skillId="1")).status_code == 200

    control(connector, "POST", "/reset", {})
    assert connector.sandbox.rules == Rules(unknown_ids="refuse")
    assert connector.post(connector.batch(skillId="1")).status_code == 400


def test_the_order_of_routing_can_be_changed_while_it_runs(connector, sandbox):
    both = {"skillId": "2741903011", "campaignInfo": {"campaignId": "880524011", "engagementId": "880524113"}}
    first = connector.open("anna", **both)

    sandbox.set_rules({"routing_order": "skill>campaign>sde"})
    second = connector.open("berta", **both)

    assert [sandbox.trace(item)["decidedBy"] for item in (first, second)] == ["campaign", "skill"]


def test_a_wrong_rule_is_400_and_changes_nothing(connector):
    reply = control(connector, "POST", "/rules", {"unknown_ids": "refuse", "chek_files": False})

    assert (reply.status_code, reply.json()) == (
        400,
        {"error": "chek_files is no rule. Did you mean 'check_files'?"},
    )
    assert connector.sandbox.rules == Rules()


def test_the_control_api_lets_an_agent_come_and_go(connector, sandbox):
    assert control(connector, "POST", "/agents/3180255701", {"online": False}).status_code == 200
    assert sandbox._state.online("12345678", "3180255701") is False
    assert control(connector, "POST", "/agents/1", {"online": False}).status_code == 400
    assert control(connector, "POST", "/agents/3180255701", {"online": 1}).status_code == 400


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("http://127.0.0.1:1/hook", (None, None, "http://127.0.0.1:1/hook")),
        ("http://127.0.0.1:1/hook?a=b", (None, None, "http://127.0.0.1:1/hook?a=b")),
        ("ContentEvent=http://127.0.0.1:1/x", ("ContentEvent", None, "http://127.0.0.1:1/x")),
        ("my-app:ContentEvent=http://127.0.0.1:1/x", ("ContentEvent", "my-app", "http://127.0.0.1:1/x")),
    ],
)
def test_a_webhook_of_the_command_line_is_for_all_kinds_or_for_one(text, parts):
    assert _webhook(text) == parts


def test_each_kind_and_app_can_have_an_endpoint_of_its_own(connector, sandbox):
    sandbox.set_webhook("http://127.0.0.1:9/all")
    sandbox.set_webhook("http://127.0.0.1:9/texts", kind="ContentEvent")
    sandbox.set_webhook(None, kind="ms.MessagingEventNotification.ChatStateEvent")

    (target,) = sandbox._dispatcher.targets
    endpoints = {key.rpartition(".")[2]: item.endpoint for key, item in target.webhooks.by_key().items()}
    assert endpoints == {
        "ContentEvent": "http://127.0.0.1:9/texts",
        "RichContentEvent": "http://127.0.0.1:9/all",
        "AcceptStatusEvent": "http://127.0.0.1:9/all",
        "ExConversationChangeNotification": "http://127.0.0.1:9/all",
    }
    sandbox.set_webhook(None)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"kind": "Text"}, "kind must be one of"),
        ({"client_id": "nobody"}, "client_id must be one of"),
        ({"account_id": "1"}, "account_id must be one of"),
    ],
)
def test_an_endpoint_of_something_unknown_is_refused(sandbox, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        sandbox.set_webhook("http://127.0.0.1:9/x", **options)


def test_a_client_gives_its_sandbox_and_a_real_account_has_none():
    with Sandbox() as sandbox, lpnb.Client(lpnb.Settings.of(sandbox.environment())) as client:
        assert client.sandbox is sandbox
    with lpnb.Client(lpnb.Settings("12345678", "app", "secret")) as client:
        assert client.sandbox is None


def test_a_sandbox_of_another_process_is_steered_over_its_control_api(monkeypatch):
    with Sandbox() as sandbox, lpnb.Client(lpnb.Settings.of(sandbox.environment())) as client:
        monkeypatch.setattr("lpnb.sandbox.sandbox.RUNNING", {})
        assert client.sandbox is None
        monkeypatch.setenv(CONTROL_VARIABLE, sandbox.control)
        monkeypatch.setenv(TOKEN_VARIABLE, sandbox.control_token)

        control = client.sandbox
        assert isinstance(control, SandboxControl)
        assert sandbox.control_token not in repr(control) + repr(vars(control))
        conversation_id = client.create_conversation("anna", skill_id="2741903011").conversation_id
        assert control.trace(conversation_id) == sandbox.trace(conversation_id)
        with pytest.raises(KeyError, match="No conversation"):
            control.trace("nothing")
        control.set_online("3180255701", False)
        assert control.agent_says(conversation_id, "Hello") == 0
        control.set_webhook("http://127.0.0.1:9/x", kind="ContentEvent")
        control.set_rules({"unknown_ids": "refuse"})
        assert sandbox.rules.unknown_ids == "refuse"
        with pytest.raises(ValueError, match="unkown_ids is no rule"):
            control.set_rules({"unkown_ids": "refuse"})
        control.transfer(conversation_id, "General Enquiries")
        control.fail("send", "status", 2, options={"code": 429})
        assert sandbox.faults == [("send", "status", 2)]
        control.agent_closes(conversation_id)
        control.advance(5)
        control.reset()
        assert sandbox.conversations == []


def test_a_rule_that_is_gone_is_named_by_the_control_api(connector):
    reply: httpx.Response = control(connector, "POST", "/rules", {"send_expires_in": True})

    assert reply.status_code == 400
    assert "send_expires_in is gone" in reply.json()["error"]
