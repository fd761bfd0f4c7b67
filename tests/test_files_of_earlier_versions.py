"""Files that an earlier version wrote still open, and what is read out of them is what it read.

``tests/data/version_0_1_0`` was written before the modules were laid out in rooms; ``expected.json`` beside
them is what the version that wrote them said of them. A test reads a copy: opening writes beside a file.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import lpnb
from lpnb import Client, Receiver, Sandbox, Settings

FILES = Path(__file__).parent / "data" / "version_0_1_0"
EXPECTED = json.loads((FILES / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def files(tmp_path, monkeypatch):
    shutil.copytree(FILES, tmp_path / "files")
    monkeypatch.chdir(tmp_path / "files")
    return tmp_path / "files"


def plain(value):
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value


#: Columns that tables have now and had not then.
LATER = ["offered_campaign_id", "offered_engagement_id", "decided_by"]


def read(table):
    table = table.drop(columns=LATER, errors="ignore")
    return {
        "shape": list(table.shape),
        "dtypes": {name: str(kind) for name, kind in table.dtypes.items()},
        "rows": [plain(row) for row in table.itertuples(index=False, name=None)],
    }


@pytest.mark.parametrize("name", sorted(EXPECTED["journals"]))
def test_a_journal_is_read_as_before(files, name):
    run = lpnb.open_run(name)

    assert {
        "repr": repr(run),
        "advice": run.advice,
        "table": read(run.table()),
        "responses": read(run.responses()),
        "unknown": list(run.unknown["case"]),
    } == EXPECTED["journals"][name]


def test_columns_that_a_journal_knows_nothing_of_are_missing_and_its_offers_are_read(files):
    finished, offered = (lpnb.open_run(f"{name}.sqlite").table()[LATER] for name in ("finished", "offered"))

    assert finished.isna().all(axis=None)
    assert offered["decided_by"].isna().all()
    assert set(offered["offered_engagement_id"].dropna()) == {"880524113", "880524110", "888888"}


def test_a_killed_run_goes_on_and_sends_what_was_never_sent(files):
    with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        run = lpnb.open_run("killed.sqlite").resume(client, progress=False)
        sent = sandbox.calls["conversation"]

    expected = EXPECTED["killed_resumed_on_another_sandbox"]
    rows = run.table()[["case", "outcome", "landed_skill"]].itertuples(index=False, name=None)
    assert (sent, [plain(row) for row in rows]) == (expected["sent"], expected["rows_then"])


def test_a_run_with_hashes_asks_for_its_cases_as_before(files):
    with (
        Sandbox() as sandbox,
        Client(Settings.of(sandbox.environment())) as client,
        pytest.raises(lpnb.RunError) as caught,
    ):
        lpnb.open_run("hashed.sqlite").resume(client, progress=False)

    assert f"RunError: {caught.value}" == EXPECTED["hashed_resume"]


def test_parts_are_read_as_before(files):
    parts = lpnb.read_parts("parts")

    assert {"repr": repr(parts), "table": read(parts.table())} == EXPECTED["parts"]


@pytest.mark.parametrize("name", sorted(EXPECTED["received"]))
def test_a_receiver_s_file_is_read_as_before_and_hands_out_what_it_had_not(files, name):
    expected = EXPECTED["received"][name]
    with Sandbox() as sandbox, Receiver(Settings.of(sandbox.environment()), keep=name) as receiver:
        assert read(receiver.table()) == expected["table"]
        assert [event.kind for event in receiver.events()] == expected["kinds"]
        for conversation_id, (skill_id, transfers) in expected["landings"].items():
            landing = receiver.landing(conversation_id)
            moves = [[move.source_skill_id, move.target_skill_id] for move in landing.transfers]
            assert (landing.skill_id, moves) == (skill_id, transfers)
        for conversation_id, text in expected["next_messages"].items():
            if text == "none":
                with pytest.raises(TimeoutError):
                    receiver.wait_for_message(conversation_id, 0)
            else:
                assert receiver.wait_for_message(conversation_id, 0).text == text


def test_a_sandbox_s_state_file_goes_on_with_its_conversations_and_its_clock(files):
    expected = EXPECTED["sandbox_state"]
    with Sandbox(state_file="sandbox.sqlite") as sandbox:
        conversations = [
            {
                "conversation_id": found.conversation_id,
                "ext_consumer_id": found.ext_consumer_id,
                "stage": found.stage,
                "skill_id": found.skill_id,
                "landed_in": sandbox.trace(found.conversation_id)["skillName"],
                "decided_by": sandbox.trace(found.conversation_id)["decidedBy"],
                "profile": sandbox.profile(found.ext_consumer_id),
                "messages": [
                    [message.sequence, message.role, message.event.get("message", message.event)]
                    for message in sandbox.detail(found.conversation_id).messages
                ],
            }
            for found in sandbox.conversations
        ]
        assert (conversations, round(sandbox.clock_offset, 3)) == (
            expected["conversations"],
            expected["clock_offset"],
        )
        with Client(Settings.of(sandbox.environment())) as client:
            one_more = {
                consumer_id: client.create_conversation(consumer_id).outcome
                for consumer_id in expected["one_more"]
            }

    assert one_more == expected["one_more"]


def test_a_world_file_is_played_as_before(files):
    expected = EXPECTED["world"]
    fields = {
        "nothing": {},
        "gold": {"sdes": [lpnb.CustomerInfo(ctype="gold")]},
        "vip": {"sdes": [lpnb.CustomerInfo(ctype="vip")]},
        "trade": {"sdes": [lpnb.CustomerInfo(company_branch="Trade")]},
        "skill": {"skill_id": "2741905003"},
    }
    landings = []
    with Sandbox(world="shop.toml") as sandbox, Client(Settings.of(sandbox.environment())) as client:
        for label, given in fields.items():
            trace = sandbox.trace(client.create_conversation(label, **given).conversation_id)
            landings.append([label, trace["skillName"], trace["decidedBy"]])
        skills = [[skill.id, skill.name] for skill in sandbox.world.accounts[0].skills]

    assert (sandbox.world.name, skills, landings) == (
        expected["name"],
        expected["skills"],
        expected["landings"],
    )
