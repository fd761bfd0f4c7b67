"""``account_world``: a world file from history, recordings and runs, without anything that is not known."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from lpnb import Client, InvalidValueError, Sandbox, Settings, Steps, account_world, cases_of, run_experiment
from lpnb.cli.main import main
from lpnb.sandbox.world.loader import parse_world

BUSINESS = {"campaignId": "880524013", "engagementId": "880524118"}


@pytest.fixture
def client(sandbox):
    with Client(Settings.of(sandbox.environment())) as made:
        yield made


def account_of(text):
    (account,) = parse_world(text).accounts
    return account


def record(skill, name="", **campaign):
    return {
        "info": {"conversationId": str(uuid4()), "latestSkillId": skill, "latestSkillName": name},
        "campaign": campaign,
    }


def reply_file(tmp_path, *records):
    path = tmp_path / "reply.json"
    path.write_text(json.dumps({"conversationHistoryRecords": records}), "utf-8")
    return path


WHOLE = {
    "campaignId": "1",
    "campaignName": "Spring",
    "campaignEngagementId": "11",
    "campaignEngagementName": "On the home page",
}


def test_a_world_from_history_plays_what_the_account_did(client, sandbox, tmp_path):
    opened = client.create_conversation("consumer-1", campaign_info=BUSINESS)
    sandbox.transfer(opened.conversation_id, "Cards & Payments")
    out = tmp_path / "world.toml"

    text = account_world(client, "history", out=out)

    account = account_of(text)
    assert {skill.id: skill.name for skill in account.skills} == {
        "2741903014": "Business Banking",
        "2741903011": "Cards & Payments",
    }
    assert [(one.id, one.name) for one in account.campaigns] == [("880524013", "Small Business Start")]
    (engagement,) = account.engagements
    assert (engagement.id, engagement.campaign, engagement.skill) == ("880524118", "880524013", "2741903014")
    with Sandbox(world=out) as again, Client(Settings.of(again.environment())) as other:
        reply = other.create_conversation("consumer-1", campaign_info=BUSINESS)
        assert again.trace(reply.conversation_id)["skillName"] == "Business Banking"
        assert other.engagement("consumer-2").campaign_id == "880524013"


def test_nothing_of_people_and_no_secret_is_in_it(client, sandbox):
    opened = client.create_conversation("anna@example.com", skill_id="2741903011")
    sandbox.agent_joins(opened.conversation_id, "tobias.renner")

    text = account_world(client, "history")

    assert "anna" not in text
    assert "Tobias" not in text
    assert sandbox.client_secret not in text


def test_a_run_and_its_recording_give_what_each_knows(sandbox, tmp_path):
    har, journal = tmp_path / "run.har", tmp_path / "run.sqlite"
    with Client(Settings.of(sandbox.environment()), record=har) as client:
        rows = [
            {
                "consumer_id": "a",
                "campaignInfo.campaignId": "880524013",
                "campaignInfo.engagementId": "880524118",
            },
            {"consumer_id": "b"},
        ]
        run_experiment(
            client,
            cases_of(rows),
            journal=journal,
            steps=Steps(engagement=True, landing=True, close=True),
            progress=False,
        )
        by_run = account_world(client, journal)
        by_both = account_world(client, journal, har)

    assert "# Campaign 99999 is left out: its name is not known." in by_run
    assert (
        "# Engagement 888888 of campaign 99999 is left out. Not known: its campaign's name, its name"
        in by_run
    )
    assert [skill.name for skill in account_of(by_run).skills] == ["General Enquiries"]
    both = account_of(by_both)
    assert both.installations[0].connector_id == "2642324112"
    assert "connector_id" not in by_run


@pytest.mark.parametrize(
    ("records", "comment"),
    [
        (
            [record(5, "Sales", **WHOLE), record(6, "Care", **WHOLE)],
            "# Engagement 11 of campaign 1 is left out. Not known: which skill it holds. Its conversations "
            "landed in 5 (1), 6 (1).",
        ),
        (
            [record(-1, "Unassigned", **WHOLE)],
            "# Engagement 11 of campaign 1 is left out. Not known: its skill.",
        ),
        (
            [record(5, **WHOLE)],
            "# Engagement 11 of campaign 1 is left out. Not known: its skill's name. Its conversations "
            "landed in 5 (1).",
        ),
        ([record(5)], "# Skill 5 is left out: its name is not known."),
    ],
)
def test_what_is_not_known_is_left_out_with_a_comment(client, tmp_path, records, comment):
    text = account_world(client, reply_file(tmp_path, *records))

    assert comment in text.splitlines()
    assert account_of(text).engagements == ()


SKILL = {"skillId": "2741903011"}
CTYPE = {"ctmrinfo.ctype": "vip"}
BRANCH = {"ctmrinfo.companyBranch": "nord"}


@pytest.mark.parametrize(
    ("source", "other_way"),
    [
        # History alone does not tell of a skill that was named.
        *(("history", way) for way in (CTYPE, BRANCH)),
        *(
            (source, way)
            for source in ("recording", "both", "run", "history and run")
            for way in (SKILL, CTYPE, BRANCH)
        ),
    ],
)
def test_a_landing_that_something_else_may_have_decided_tells_nothing_of_the_engagement(
    tmp_path, source, other_way
):
    har, journal = tmp_path / "run.har", tmp_path / "run.sqlite"
    with Sandbox(routing_order="skill>sde>campaign") as sandbox:
        settings = Settings.of(sandbox.environment())
        case = {"consumer_id": "b", **{f"campaignInfo.{name}": value for name, value in BUSINESS.items()}}
        case |= other_way
        with Client(settings, record=har) as client:
            run_experiment(
                client, cases_of([case]), journal=journal, steps=Steps(landing=True), progress=False
            )
            sources = {
                "history": ["history"],
                "recording": [har],
                "both": ["history", har],
                "run": [journal],
                "history and run": [journal, "history"],
            }
            text = account_world(client, *sources[source])

    assert account_of(text).engagements == ()
    if "history" in sources[source]:
        assert (
            "# Engagement 880524118 of campaign 880524013 is left out. Not known: its skill. 1 more named a "
            "skill, a ctype or a companyBranch as well, which may have decided."
        ) in text.splitlines()


def test_what_something_else_may_have_decided_is_not_counted_beside_what_the_engagement_did(client):
    client.create_conversation("a", campaign_info=BUSINESS)
    vip = {"type": "ctmrinfo", "info": {"ctype": "vip"}}
    client.create_conversation("b", [vip], campaign_info=BUSINESS)

    text = account_world(client, "history")

    assert account_of(text).engagements[0].skill == "2741903014"
    assert "# 1 of its conversations are known; all landed in this skill. 1 more named a skill" in text


def test_odd_names_and_ids_make_a_world_all_the_same(client, tmp_path):
    odd = 'Sales "Nord"\n\x7f\u2028 \U0001f600 \\ #'
    records = [record(5, odd, **WHOLE), record("abc", "No id"), record(True, "x"), record(7, "S" * 300)]

    account = account_of(account_world(client, reply_file(tmp_path, *records)))

    assert [(skill.id, skill.name) for skill in account.skills] == [
        ("5", 'Sales "Nord" \U0001f600 \\ #'),
        ("7", "S" * 128),
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("nonsense", "is no run's journal, no recording (HAR) and no reply of history."),
        ("{}", "is no run's journal, no recording (HAR) and no reply of history."),
        (
            json.dumps(
                {
                    "log": {
                        "entries": [
                            {
                                "request": {"url": "https://x/api/account/87654321/app"},
                                "response": {"content": {"text": "{}"}},
                            }
                        ]
                    }
                }
            ),
            "is of account 87654321.",
        ),
    ],
)
def test_a_source_that_is_none_is_refused(client, tmp_path, content, sentence):
    path = tmp_path / "source"
    path.write_text(content, "utf-8")

    with pytest.raises(InvalidValueError) as refused:
        account_world(client, path)

    assert f"{path} {sentence}" in str(refused.value)


def test_a_call_without_a_source_or_with_wrong_numbers_says_all_that_is_wrong(client):
    with pytest.raises(InvalidValueError) as refused:
        account_world(client, days=94, most=0)

    for sentence in ("days must be from 1 to 93; got 94.", "most must be from 1", "Name a run's journal"):
        assert sentence in str(refused.value)


def test_the_command_writes_a_file_that_the_sandbox_takes(sandbox, tmp_path, monkeypatch, capsys):
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    with Client(Settings.of(sandbox.environment())) as client:
        client.create_conversation("consumer-1", campaign_info=BUSINESS)

    assert main(["world", "--from", "history", "--out", "world.toml"]) == 0
    assert "lpnb sandbox --world world.toml" in capsys.readouterr().err
    assert account_of(Path("world.toml").read_text("utf-8")).engagements[0].name == "Business customers"
    assert main(["world", "--from", "nowhere.har"]) == 2
    assert capsys.readouterr().err.endswith("nowhere.har: No such file or directory.\n")
