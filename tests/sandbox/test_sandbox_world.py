"""World files: what a good one holds, what is wrong with a bad one, and several accounts in one sandbox."""

import pytest

from lpnb.sandbox import Sandbox
from lpnb.sandbox.world.loader import MAX_WORLD_BYTES, WorldError, default_world, parse_world, read_world
from lpnb.sandbox.world.models import Account, Installation, World

SMALL = """
[[accounts]]
id = 55501234
default_skill = "Cards"

[[accounts.installations]]
client_id = "one"
client_secret = "secret-one"
name = "First"

[[accounts.installations]]
client_id = "two"
client_secret = "secret-two"
name = "Second"

[[accounts.skills]]
id = 1
name = "Cards"
"""


def complaints_about(text):
    with pytest.raises(WorldError) as caught:
        parse_world(text)
    return caught.value.complaints


def test_the_default_world_is_a_bank_of_the_promised_size():
    account = default_world().accounts_by_id["12345678"]

    assert (len(account.skills), len(account.campaigns), len(account.engagements)) == (6, 8, 20)
    assert account.engagements_by_id["888888"].campaign == "99999"
    assert all(item.id.isdigit() for item in (*account.skills, *account.agents, *account.campaigns))
    # The catch-all is considered last, or the others would never be shown.
    assert account.by_priority[-1].id == "888888"
    assert {agent.online for agent in account.agents} == {True, False}
    assert account.default_skill == account.fallback_skill == "General Enquiries"


def test_a_world_file_is_played(tmp_path):
    path = tmp_path / "world.toml"
    path.write_text(SMALL, "utf-8")

    sandbox = Sandbox(world=path)

    assert (sandbox.account_id, sandbox.client_id, sandbox.client_secret) == ("55501234", "one", "secret-one")


def test_another_account_or_installation_of_the_world_can_be_chosen(tmp_path):
    path = tmp_path / "world.toml"
    path.write_text(SMALL, "utf-8")

    assert Sandbox(world=path, client_id="two").client_secret == "secret-two"
    assert Sandbox(account_id="87654321").client_id == "5a4db0c5-0000-4000-8000-000000000011"
    with pytest.raises(
        ValueError, match="account_id must be an account of the world, 55501234; got '12345678'"
    ):
        Sandbox(world=path, account_id="12345678")


def test_a_client_id_nobody_has_replaces_the_first_installation():
    world = Sandbox(client_id="mine", client_secret="my-secret").world

    installations = world.accounts_by_id["12345678"].installations
    assert [item.client_id for item in installations[:2]] == ["mine", "5a4db0c5-0000-4000-8000-000000000002"]
    assert [item.name for item in installations[:2]] == ["Sandbox Connector", "Branch Kiosk"]
    # The world that everybody shares is as it was.
    assert "mine" not in default_world().accounts_by_id["12345678"].installations_by_id


def test_all_faults_of_a_file_are_told_at_once_each_with_its_path():
    assert complaints_about(
        """
        nme = 1
        [[accounts]]
        id = "a-b"
        default_skill = "Crds"
        surveys = true
        [[accounts.installations]]
        client_id = ""
        name = "App"
        [[accounts.skills]]
        id = "x"
        name = "Cards"
        [[accounts.agents]]
        id = 1
        name = "A"
        login = "a"
        password = "p"
        skills = ["Cards", "Card"]
        online = "yes"
        [[accounts.engagements]]
        id = 1
        campaign = 2
        name = "E"
        skill = "Crads"
        target = { identity = "athu", entry_points = 3, sdes = { "ctmrinf.x" = [1], "ctmrinfo.y" = 3 } }
        [[accounts.sde_rules]]
        field = "cstatus"
        values = []
        skill = "Cards"
        """
    ) == [
        "accounts[0].id must be 1 to 20 letters, digits or underscores; got 'a-b'.",
        "accounts[0].installations[0].client_id must not be empty; got ''.",
        "accounts[0].installations[0].client_secret is missing.",
        "accounts[0].skills[0].id must be digits; got 'x'.",
        "accounts[0].agents[0].online must be true or false; got 'yes'.",
        "accounts[0].engagements[0].target.identity must be one of 'any', 'auth', 'unauth'; got 'athu'. "
        "Did you mean 'auth'?",
        "accounts[0].engagements[0].target.entry_points must be an array; got 3.",
        "accounts[0].engagements[0].target.sdes.ctmrinf.x: 'ctmrinf.x' is no SDE's field. Write it as in "
        "'ctmrinfo.ctype', with one of ctmrinfo, personal, mrktInfo, cart, purchase, prodView, service, "
        "lead, error, searchInfo.",
        "accounts[0].engagements[0].target.sdes.ctmrinfo.y must be an array of values, or a table with min "
        "and max; got 3.",
        "accounts[0].sde_rules[0].field must be one of 'ctype', 'companyBranch'; got 'cstatus'.",
        "accounts[0].sde_rules[0].values must not be empty; got [].",
        "accounts[0].surveys is not a field. Did you mean 'survey'?",
        "nme is not a field. Did you mean 'name'?",
        "accounts[0].default_skill: no skill of this account is called 'Crds'. Did you mean 'Cards'?",
        "accounts[0].engagements[0].skill: no skill of this account is called 'Crads'. Did you mean 'Cards'?",
        "accounts[0].engagements[0].campaign: no campaign of this account is called 2.",
        "accounts[0].agents[0].skills[1]: no skill of this account is called 'Card'. Did you mean 'Cards'?",
    ]


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (
            '[[accounts.skills]]\nid = 1\nname = "Loans"',
            "accounts[0].skills[1].id is 1, which is accounts[0].skills[0]'s already.",
        ),
        (
            '[[accounts.skills]]\nid = 2\nname = "Cards"',
            "accounts[0].skills[1].name is 'Cards', which is accounts[0].skills[0]'s already.",
        ),
        (
            '[[accounts.installations]]\nclient_id = "one"\nclient_secret = "s"\nname = "X"',
            "accounts[0].installations[2].client_id is 'one', "
            "which is accounts[0].installations[0]'s already.",
        ),
        (
            '[[accounts]]\nid = "55501234"\ninstallations = [{client_id="a", client_secret="b", name="c"}]',
            "accounts[1].id is '55501234', which is accounts[0]'s already.",
        ),
    ],
)
def test_what_must_be_unique_is(more, complaint):
    assert complaints_about(SMALL + more) == [complaint]


def test_a_file_that_is_no_toml_is_refused_with_the_place():
    (complaint,) = complaints_about("[[accounts]\n")

    assert complaint.startswith("It is not TOML: ")
    assert "line 1" in complaint


def test_a_world_needs_an_account_and_an_account_an_installation():
    assert complaints_about("") == ["accounts is missing."]
    assert complaints_about("accounts = []") == ["accounts must not be empty; got []."]
    assert complaints_about("[[accounts]]\nid = 1\ninstallations = []") == [
        "accounts[0].installations must not be empty; got []."
    ]
    assert complaints_about("accounts = 5") == ["accounts must be an array; got 5."]
    assert complaints_about("accounts = [5]") == ["accounts[0] must be a table; got 5."]


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    big, latin = tmp_path / "big.toml", tmp_path / "latin.toml"
    big.write_bytes(b"#" * (MAX_WORLD_BYTES + 1))
    latin.write_bytes(b'name = "\xe9"')

    with pytest.raises(WorldError, match="The file is larger than 5242880 bytes"):
        read_world(big)
    with pytest.raises(WorldError, match="The file is not UTF-8: byte 8 cannot be read"):
        read_world(latin)
    with pytest.raises(FileNotFoundError):
        read_world(tmp_path / "missing.toml")


def test_secrets_are_not_in_the_repr():
    shown = repr(default_world())

    assert "not-a-real-one" not in shown
    assert "sandbox-password" not in shown
    assert "sandbox-token-secret" not in shown


def two_accounts():
    def account(account_id):
        return Account(
            id=account_id,
            installations=[
                Installation(client_id=f"app-{account_id}", client_secret="s", name="App"),
                Installation(client_id=f"off-{account_id}", client_secret="s", name="Off", enabled=False),
            ],
        )

    return World(accounts=[account("12345678"), account("2")])


def token(connector, account_id, client_id):
    form = {"client_id": client_id, "client_secret": "s", "grant_type": "client_credentials"}
    return connector.http.post(f"/sentinel/api/account/{account_id}/app/token?v=1.0", data=form)


def test_one_accounts_installation_gets_no_token_for_the_other(connect):
    connector = connect(world=two_accounts())

    assert token(connector, "2", "app-2").status_code == 200
    assert token(connector, "12345678", "app-2").status_code == 401
    assert token(connector, "2", "off-2").status_code == 401


def test_tokens_of_one_account_open_nothing_in_the_other(connect):
    connector = connect(world=two_accounts())
    app_jwt = token(connector, "2", "app-2").json()["access_token"]

    reply = connector.consumer_reply("anna", app_jwt)

    assert reply.status_code == 401


def test_the_same_consumer_may_have_a_conversation_in_each_account(connect):
    connector = connect(world=two_accounts())
    connector.open("anna")
    app_jwt = token(connector, "2", "app-2").json()["access_token"]
    jws = connector.http.post(
        "/api/account/2/consumer?v=1.0", json={"ext_consumer_id": "anna"}, headers={"Authorization": app_jwt}
    ).json()["token"]
    batch = connector.batch()
    batch[1]["body"]["brandId"] = "2"

    reply = connector.post(
        batch,
        headers={"Authorization": app_jwt, "X-LP-ON-BEHALF": jws},
        path="/api/account/2/messaging/consumer/conversation?v=3",
    )

    assert reply.json()[1]["code"] == "OK"
    first, second = connector.sandbox.conversations
    assert (first.account_id, second.account_id) == ("12345678", "2")
    assert first.lp_consumer_id != second.lp_consumer_id


def test_every_account_is_in_the_domain_api(connect):
    connector = connect(world=two_accounts())

    reply = connector.http.get("/api/account/2/service/smt/baseURI.json?version=1.0")

    assert reply.json()["account"] == "2"
