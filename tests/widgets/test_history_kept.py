"""What an explorer keeps of form and sends: in memory, on disk after a tick, and not at all."""

from __future__ import annotations

import html
import json
import os
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lpnb import Client, Explorer, Sandbox, Secret, Settings
from lpnb.models.responses import BatchResponse
from lpnb.widgets.send.history_store import HistoryStore
from lpnb.widgets.tabs.history import HistoryTab

Open = Callable[[], Explorer]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the history is kept."""
    return tmp_path / "kept"


@pytest.fixture
def open_explorer(client: Client, folder: Path) -> Open:
    """``open_explorer()`` opens one more on the same folder, as after a restart of the kernel."""
    return lambda: Explorer(client, history=folder)


def send(explorer: Explorer) -> Any:
    explorer.send_button.click()
    return explorer.wait(10)


def history_of(explorer: Explorer) -> HistoryTab:
    explorer.open_tab("History")
    tab: HistoryTab = explorer._tab("History")
    return tab


def rows(explorer: Explorer) -> list[str]:
    """The rows of the list, without the time."""
    shown = [row for row in history_of(explorer).rows.children if "lpnb-hidden" not in row._dom_classes]
    return [re.sub(r" · [\w ]*[0-9:]{8} UTC", "", row.description) for row in shown]


def landed(explorer: Explorer) -> None:
    """Wait for the landing of the last send."""
    explorer.open_tab("Send & follow")
    explorer._tab("Send & follow").landing._future.result(10)


def die_while_sending(explorer: Explorer, consumer_id: str) -> None:
    """What a process leaves that ends in the middle of a send."""
    assert explorer.batch is not None
    explorer._history.begin(explorer.client, explorer.batch, consumer_id)
    for lock in explorer._history.store._locks.values():
        lock._release()


def text(widget: Any) -> str:
    return html.unescape(re.sub("<[^>]+>", " ", widget.value)).strip()


def test_a_row_says_who_what_and_where_it_landed(open_explorer: Open) -> None:
    explorer = open_explorer()
    explorer.field("personal.firstname").value = "Jürgen"
    explorer.field("ctmrinfo.ctype").value = "vip"
    response = send(explorer)
    assert rows(explorer)[0] in (
        f"#1 · Jürgen, vip, {response.conversation_id}",
        "#1 · Jürgen, vip, Private Clients",
    )
    landed(explorer)

    history_of(explorer).choose(explorer.sent[0])

    assert rows(explorer) == ["#1 · Jürgen, vip, Private Clients · shown below"]


def test_without_the_tick_nothing_is_written(open_explorer: Open, folder: Path) -> None:
    explorer = open_explorer()
    send(explorer)

    assert not folder.exists()
    assert "Kept in memory until this program ends." in text(history_of(explorer)._keep_note)
    assert open_explorer().sent == []


def test_after_the_tick_a_new_explorer_comes_back_to_form_and_sends(
    open_explorer: Open, folder: Path
) -> None:
    explorer = open_explorer()
    explorer.field("personal.firstname").value = "Ada"
    first = send(explorer)
    history_of(explorer).keep.value = True
    explorer.batch_form.new_id()
    explorer.field("ctmrinfo.companySize").value = "abc"
    explorer._history._save_form()

    again = open_explorer()

    assert [sent.response.conversation_id for sent in again.sent] == [first.conversation_id]
    assert [sent.response.pairs[0].code for sent in again.sent] == ["OK"]
    assert again.field("personal.firstname").value == "Ada"
    assert again.field("ctmrinfo.companySize").value == "abc"
    assert again.consumer_id.value == explorer.consumer_id.value
    assert again.tabs.get_title(2) == "History (1)"
    assert str(folder) in text(history_of(again)._keep_note)
    assert "30 days" in text(history_of(again)._keep_note)
    assert again.batch_form.can_undo is False


def test_what_is_kept_is_for_its_owner_alone_and_out_of_version_control(
    open_explorer: Open, folder: Path
) -> None:
    explorer = open_explorer()
    history_of(explorer).keep.value = True
    send(explorer)

    assert sorted(path.name for path in folder.iterdir()) == [".gitignore", "form.json", "sends.jsonl"]
    assert (folder / ".gitignore").read_text() == "*\n"
    if os.name == "posix":
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_send_whose_end_nobody_saw_is_kept_as_unknown_and_asked_about(
    open_explorer: Open, sandbox: Sandbox
) -> None:
    explorer = open_explorer()
    history_of(explorer).keep.value = True
    explorer.field("personal.firstname").value = "Ada"
    explorer._history._save_form()
    die_while_sending(explorer, explorer.consumer_id.value)

    again = open_explorer()
    again.send_button.click()
    again.wait(10)

    assert [sent.response.outcome for sent in again.sent] == ["unknown"]
    assert "while this send was under way" in again.sent[0].response.explanation
    assert "a conversation may exist already" in text(again.sender.status)
    assert sandbox.calls["conversation"] == 0


@pytest.mark.parametrize("kept", [True, False])
def test_a_send_that_is_under_way_in_another_explorer_is_not_shown_as_unknown(
    open_explorer: Open, folder: Path, kept: bool
) -> None:
    explorer = open_explorer()
    history_of(explorer).keep.value = kept
    assert explorer.batch is not None
    explorer._history.begin(explorer.client, explorer.batch, "anna")

    meanwhile = open_explorer()
    history_of(meanwhile).forget_button.click()  # which takes nothing from a send under way
    explorer._history.add(explorer.client, explorer.batch, BatchResponse("anna", "answered", (), "Open."))

    assert meanwhile.sent == []
    assert [sent.response.outcome for sent in open_explorer().sent] == ["answered"] * kept
    left = {path.name for path in folder.iterdir()} if folder.exists() else set()
    assert left - {".gitignore"} == ({"sends.jsonl"} if kept else set())


def test_the_grid_and_how_it_is_run_come_back_too(open_explorer: Open) -> None:
    explorer = open_explorer()
    history_of(explorer).keep.value = True
    explorer.open_tab("Experiment")
    tab = explorer._tab("Experiment")
    tab.grid._remove(tab.grid._rows[1][0])
    tab.grid.add("personal.firstname", "Ada, Grace")
    tab.concurrency.value, tab.steps["close"].value, tab.grid.zipped.value = "4", True, True
    kept = tab.plain_values()
    explorer._history._save_form()

    again = open_explorer()
    again._history._save_form()  # before the tab was ever opened
    again = open_explorer()
    again.open_tab("Experiment")

    assert again._tab("Experiment").plain_values() == kept
    assert kept["rows"] == [["ctmrinfo.ctype", "vip, gold, standard"], ["personal.firstname", "Ada, Grace"]]
    assert (kept["at_once"], kept["close"], kept["zipped"]) == ("4", True, True)


@pytest.mark.parametrize("experiment", ["7", '{"rows": 7}', '{"rows": [["a", "b"]], "sample": 7}'])
def test_an_experiment_that_is_none_is_said_and_left_out(
    open_explorer: Open, folder: Path, experiment: str
) -> None:
    explorer = open_explorer()
    history_of(explorer).keep.value = True
    explorer._history._save_form()
    kept = json.loads((folder / "form.json").read_text())
    (folder / "form.json").write_text(json.dumps({**kept, "experiment": json.loads(experiment)}))

    again = open_explorer()
    again.open_tab("Experiment")

    assert "The experiment that was kept cannot be read" in text(history_of(again)._keep_note)


def test_without_the_tick_too_a_send_whose_end_nobody_saw_is_known_but_none_of_its_values(
    open_explorer: Open, folder: Path, sandbox: Sandbox
) -> None:
    explorer = open_explorer()
    explorer.field("personal.firstname").value = "Ada"
    explorer.consumer_id.value = "anna"
    die_while_sending(explorer, "anna")
    on_disk = "".join(path.read_text() for path in folder.iterdir())

    again = open_explorer()
    again.consumer_id.value = "anna"
    again.send_button.click()
    again.wait(10)

    assert "Ada" not in on_disk
    assert [(sent.consumer_id, sent.response.outcome) for sent in again.sent] == [("anna", "unknown")]
    assert "it was to be kept in memory alone" in again.sent[0].response.explanation
    assert "a conversation may exist already" in text(again.sender.status)
    assert sandbox.calls["conversation"] == 0
    assert history_of(again).keep.value is False
    history_of(again).forget_button.click()
    assert not folder.exists()


def test_forget_all_deletes_what_is_in_memory_and_on_disk(open_explorer: Open, folder: Path) -> None:
    explorer = open_explorer()
    tab = history_of(explorer)
    tab.keep.value = True
    send(explorer)
    explorer.open_tab("Send & follow")

    tab.forget_button.click()

    assert explorer.sent == []
    assert explorer.responses == []
    assert not folder.exists()
    assert tab.keep.value is False
    assert explorer.tabs.get_title(2) == "History"
    assert rows(explorer) == []


def test_the_tick_taken_away_deletes_the_files_and_keeps_the_list(open_explorer: Open, folder: Path) -> None:
    explorer = open_explorer()
    tab = history_of(explorer)
    tab.keep.value = True
    send(explorer)

    tab.keep.value = False

    assert not folder.exists()
    assert len(explorer.sent) == 1


def test_what_is_older_than_thirty_days_is_deleted(folder: Path) -> None:
    store = HistoryStore(folder)
    store.start()
    now = datetime.now(UTC)
    store.add({"key": "old", "at": (now - timedelta(days=31)).isoformat()})
    store.add({"key": "young", "at": (now - timedelta(days=29)).isoformat()})

    assert [record["key"] for record in store.records()] == ["young"]
    assert "old" not in (folder / "sends.jsonl").read_text()


def test_a_line_that_was_cut_short_is_left_out_and_a_later_one_replaces(folder: Path) -> None:
    store = HistoryStore(folder)
    store.start()
    at = datetime.now(UTC).isoformat()
    store.add({"key": "a", "at": at, "n": 1})
    store.add({"key": "a", "at": at, "n": 2})
    with (folder / "sends.jsonl").open("a") as file:
        file.write('{"key": "b", "at')

    assert [record["n"] for record in store.records()] == [2]


def test_a_record_that_is_none_is_said_and_the_others_are_shown(open_explorer: Open, folder: Path) -> None:
    explorer = open_explorer()
    history_of(explorer).keep.value = True
    send(explorer)
    HistoryStore(folder).add({"key": "x", "at": datetime.now(UTC).isoformat(), "frames": 7})
    (folder / "form.json").write_text("[1, 2")

    again = open_explorer()

    assert len(again.sent) == 1
    assert "cannot be read, and is left out" in text(history_of(again)._keep_note)


def test_a_disk_that_cannot_be_written_is_said_and_the_send_goes_through(
    open_explorer: Open, folder: Path
) -> None:
    folder.write_text("a file stands in the way")
    explorer = open_explorer()
    tab = history_of(explorer)

    tab.keep.value = True
    response = send(explorer)

    assert response.outcome == "answered"
    assert f"{folder} cannot be used" in text(tab._keep_note)
    assert folder.read_text() == "a file stands in the way"


def test_what_another_account_was_sent_is_shown_and_nobody_is_asked_about_it(
    open_explorer: Open, settings: Settings, folder: Path
) -> None:
    explorer = open_explorer()
    history_of(explorer).keep.value = True
    send(explorer)
    elsewhere = replace(settings, domain_api="http://127.0.0.1:9")

    again = Explorer(Client(elsewhere), history=folder)
    again.open_tab("Send & follow")
    follow = again._tab("Send & follow")

    assert again.sent[0].client is None
    assert "is open" in text(follow.outcome)
    assert "lpnb-hidden" in follow.landing.button._dom_classes
    assert "lpnb-hidden" in follow.thread.box._dom_classes


def test_no_secret_and_no_token_is_on_the_disk(
    open_explorer: Open, settings: Settings, folder: Path, sandbox: Sandbox
) -> None:
    planted = Secret("planted-s3cret-ü")
    client = Client(replace(settings, client_secret=planted))
    explorer = Explorer(client, history=folder)
    history_of(explorer).keep.value = True
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
    explorer.field("personal.firstname").value = f"{planted.reveal()} {token}"
    send(explorer)
    explorer._history._save_form()

    kept = "".join(path.read_text(encoding="utf-8") for path in folder.iterdir())

    assert "planted" not in json.dumps(kept, ensure_ascii=False)
    assert token not in kept
