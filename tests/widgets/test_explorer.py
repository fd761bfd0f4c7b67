"""The explorer without a browser: what its tabs, its bar and its buttons do."""

from __future__ import annotations

import datetime
import html
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import ipywidgets
import pytest

import lpnb
from lpnb import Client, ConversationBatch, Explorer, Sandbox, Secret, Settings
from lpnb.client.sandbox_control import CONTROL_VARIABLE, TOKEN_VARIABLE
from lpnb.widgets.form.payload_library import PayloadLibrary, PayloadLibraryError, built_in_templates
from lpnb.widgets.tabs.code import cell_code

HOSTILE = [
    "<script>window.evil=1</script>",
    '"><img src=x onerror="window.evil=1">',
    "x" * 10_000,
    "\u202eright to left\u202c שלום",
    "👩‍👩‍👧‍👦 é",
]


@pytest.fixture
def explorer(client: Client) -> Explorer:
    """An explorer that talks to the sandbox."""
    return Explorer(client)


def send(explorer: Explorer) -> Any:
    explorer.send_button.click()
    return explorer.wait(10)


def send_all_the_same(explorer: Explorer) -> Any:
    """Send again for a consumer that has a conversation open, which is asked about first."""
    send(explorer)
    explorer.confirm.value = True
    return send(explorer)


def wait_for(is_true: Callable[[], bool]) -> None:
    """Wait for what lpnb's loop does."""
    end = time.monotonic() + 10
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.01)


def status(explorer: Explorer) -> tuple[str, str]:
    found = re.fullmatch(
        r'<span role="status" data-state="(\w+)">(.*)</span>', explorer.sender.status.value, re.DOTALL
    )
    assert found
    return found[1], html.unescape(found[2])


def text(widget: Any) -> str:
    return html.unescape(re.sub("<[^>]+>", " ", widget.value)).strip()


def notes(explorer: Explorer) -> str:
    """Everything that stands below fields."""
    sections = (explorer.batch_form.who, explorer.batch_form.where)
    return " ".join(text(note) for section in sections for note in section._notes.values())


def button(explorer: Explorer, name: str) -> Any:
    """The button *name*, wherever in the panel it stands."""

    def walk(widget: Any) -> Iterator[Any]:
        yield widget
        for child in getattr(widget, "children", ()):
            yield from walk(child)

    return next(w for w in walk(explorer) if isinstance(w, ipywidgets.Button) and w.description == name)


def test_what_is_sent_shows_in_every_tab(explorer: Explorer, sandbox: Sandbox) -> None:
    explorer.field("personal.firstname").value = "John"

    response = send(explorer)

    opened = sandbox.conversations[-1]
    assert response.conversation_id == opened.conversation_id
    explorer.open_tab("Send & follow")
    follow = explorer._tab("Send & follow")
    assert f"Conversation {opened.conversation_id} is open." in text(follow.outcome)
    assert '"firstname": "John"' in text(follow.raw)
    assert '"conversationId"' in text(follow.raw)
    explorer.open_tab("History")
    rows = explorer._tab("History").rows.children
    assert [row.description.split(" · ")[0] for row in rows] == ["#1"]
    assert rows[0].description.partition(" UTC · ")[2] in (
        f"John, {opened.conversation_id}",  # until it is known where it landed
        "John, General Enquiries",
    )
    assert explorer.tabs.get_title(2) == "History (1)"


def test_where_it_landed_is_asked_at_once_on_a_sandbox_and_explained_rule_by_rule(explorer: Explorer) -> None:
    explorer.field("ctmrinfo.ctype").value = "vip"
    response = send(explorer)
    explorer.open_tab("Send & follow")
    landing = explorer._tab("Send & follow").landing
    assert landing._future is not None
    landing._future.result(10)

    assert text(landing.status) == (
        f"History says that {response.conversation_id} is in skill Private Clients (2741903013)."
    )
    assert "Customer Info rule decided Customer Info ctype 'vip' maps to 'Private Clients'." in re.sub(
        " +", " ", text(landing.trace)
    )
    assert "Every condition holds." in text(landing.trace)


def test_why_here_names_the_field_that_decides(
    explorer: Explorer, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    explorer.field("ctmrinfo.ctype").value = "vip"
    explorer.field("personal.gender").value = "FEMALE"
    send(explorer)
    explorer.open_tab("Send & follow")

    explorer._tab("Send & follow").why.ask().result(60)

    why = explorer._tab("Send & follow").why
    assert "It lands in Private Clients because ctmrinfo.ctype is vip." in text(why.answer)
    assert text(why.status) == f"Found out with {sandbox.calls['conversation'] - 1} sends."


def test_why_here_asks_once_more_before_it_opens_conversations_at_a_real_account(explorer: Explorer) -> None:
    explorer.field("ctmrinfo.ctype").value = "vip"
    send(explorer)
    explorer.sent[0].client = Client(Settings("87654321", "id", Secret("s")))
    explorer.open_tab("Send & follow")

    why = explorer._tab("Send & follow").why
    why.ask().result(10)

    assert text(why.status) == (
        "This opens up to 3 conversations at the REAL ACCOUNT 87654321, and closes each. "
        "Press “Why here?” once more."
    )


def test_nobody_asks_where_a_refused_conversation_landed(explorer: Explorer) -> None:
    send(explorer)
    send_all_the_same(explorer)
    explorer.open_tab("Send & follow")
    landing = explorer._tab("Send & follow").landing

    assert landing._future is None
    assert "lpnb-hidden" in landing.button._dom_classes
    assert text(landing.status) == ""


def test_history_that_fails_is_said(explorer: Explorer, sandbox: Sandbox) -> None:
    sandbox.fail("history", "status", code=500, times=20)
    send(explorer)
    explorer.open_tab("Send & follow")
    landing = explorer._tab("Send & follow").landing
    landing._future.result(20)

    assert 'data-state="failed"' in landing.status.value


def test_tabs_are_made_when_they_are_looked_at(explorer: Explorer) -> None:
    assert explorer._tabs_by_name == {}
    assert [page.children for page in explorer._pages.values()] == [(), (), (), ()]

    explorer.open_tab("As code")

    assert list(explorer._tabs_by_name) == ["As code"]


@pytest.mark.parametrize(
    "template",
    [s for s in built_in_templates() if not s.name.startswith("wrong-")],
    ids=lambda template: template.name,
)
def test_every_persona_and_example_can_be_started_from_and_is_sent_as_it_is(
    explorer: Explorer, template: Any
) -> None:
    explorer.toolbar.toggle("Start from")
    button(explorer, f"{template.kind.capitalize()} · {template.name}").click()

    assert explorer.complaints == ()
    assert explorer.batch is not None
    sent = [frame["body"] for frame in explorer.batch.to_wire()]
    meant = ConversationBatch.from_wire(list(template.frames), unknown="keep", keep_ids=False).to_wire()
    assert sent == [frame["body"] for frame in meant]
    assert send(explorer).ok


def test_a_payload_with_mistakes_is_loaded_to_be_put_right(explorer: Explorer) -> None:
    explorer.toolbar.toggle("Start from")

    button(explorer, "Sample · wrong-gender-and-date").click()

    assert explorer.batch is None
    assert len(explorer.complaints) == 3
    assert "lpnb-wrong" in explorer.field("personal.gender")._dom_classes


def test_a_payload_is_saved_found_again_and_removed(explorer: Explorer, tmp_path: Path) -> None:
    explorer.field("personal.firstname").value = "Ada"
    explorer.toolbar.toggle("Save")
    explorer.toolbar._panels["Save"].children[0].value = "mine"
    button(explorer, "Save").click()
    assert text(explorer.toolbar.note) == "Saved as mine in lpnb-library.json."
    saved = json.loads((tmp_path / "lpnb-library.json").read_text(encoding="utf-8"))
    assert saved["payloads"][0]["frames"][0]["body"]["authenticatedData"]["lp_sdes"] == [
        {"type": "personal", "personal": {"firstname": "Ada"}}
    ]
    explorer.clear()

    explorer.toolbar.toggle("Start from")
    button(explorer, "Saved · mine").click()
    assert explorer.field("personal.firstname").value == "Ada"

    explorer.toolbar.toggle("Start from")
    button(explorer, "Remove").click()
    assert PayloadLibrary(tmp_path / "lpnb-library.json").templates() == []


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    library = PayloadLibrary(tmp_path / "l.json")

    names = [library.save("same", ConversationBatch()) for _ in range(3)]

    assert names == ["same", "same (2)", "same (3)"]
    assert [template.name for template in library.templates()] == names[::-1]


@pytest.mark.parametrize("content", ["{", '{"payloads": [{"name": 1}]}', "[]", "\udcff"])
def test_a_file_that_is_no_library_is_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "l.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))

    with pytest.raises(PayloadLibraryError, match=r"l\.json"):
        PayloadLibrary(path).save("x", ConversationBatch())

    assert path.read_bytes() == content.encode("utf-8", "surrogateescape")


def test_pasted_frames_are_loaded_and_the_box_is_emptied(explorer: Explorer) -> None:
    explorer.toolbar.toggle("Load")
    pasted = explorer.toolbar._panels["Load"].children[1]
    pasted.value = json.dumps(lpnb.page_examples()["with SDEs"].to_wire())
    button(explorer, "Load the pasted text").click()

    assert explorer.field("ctmrinfo.ctype").value == "vip"
    assert pasted.value == ""
    assert text(explorer.toolbar.note).startswith("Loaded.")


def test_a_chosen_file_is_loaded_and_not_kept_in_the_widget(explorer: Explorer) -> None:
    explorer.toolbar.toggle("Load")
    upload = explorer.toolbar._panels["Load"].children[0]
    content = json.dumps(lpnb.page_examples()["with SDEs"].to_wire()).encode()
    upload.set_trait(
        "value",
        ({"name": "a.json", "type": "", "size": len(content), "content": memoryview(content),
          "last_modified": datetime.datetime.now(datetime.UTC)},),
    )  # fmt: skip

    assert explorer.field("personal.firstname").value == "John"
    assert upload.value == ()


def test_what_as_code_writes_is_read_back_and_is_the_same(explorer: Explorer) -> None:
    properties = lpnb.ClientProperties(os="IOS", features=["RICH_CONTENT"])
    explorer.load(replace(lpnb.page_examples()["with campaign"], client_properties=properties))
    explorer.consumer_id.value = "it's 'me'"
    explorer.open_tab("As code")
    code = explorer._tab("As code")
    meant = explorer.batch
    assert meant is not None
    for kind in ("curl", "Postman"):
        code.choose(kind)
        written = code.text
        assert "sandbox-secret" not in written
        explorer.clear()
        explorer.toolbar.toggle("Load")
        explorer.toolbar.import_panel.import_text(written)

        assert explorer.batch is not None
        assert explorer.batch.profile == meant.profile
        assert explorer.batch.request == meant.request
        assert explorer.batch.client_properties == properties
        assert explorer.consumer_id.value == "it's 'me'"
        explorer.toolbar.toggle("Load")


def test_of_several_requests_each_can_be_loaded(explorer: Explorer) -> None:
    pairs = [
        (ConversationBatch.build([lpnb.PersonalInfo(firstname=n)]), f"for {n}") for n in ("Ada", "Grace")
    ]
    data = lpnb.snippets.as_postman(pairs).data
    explorer.toolbar.toggle("Load")

    explorer.toolbar.import_panel.import_text(str(data))
    assert explorer.field("personal.firstname").value == "Ada"
    assert "There are 2 requests in it" in text(explorer.toolbar.note)
    button(explorer, "Request 2 · for Grace").click()

    assert explorer.field("personal.firstname").value == "Grace"
    assert explorer.consumer_id.value == "for Grace"


def test_a_pasted_reply_is_called_so_and_explained(explorer: Explorer) -> None:
    explorer.toolbar.toggle("Load")
    explorer.toolbar.import_panel.pasted_text.value = '{"code":"40103","message":"Invalid ConsumerJWS"}'

    button(explorer, "Load the pasted text").click()

    assert text(explorer.toolbar.note).startswith(
        "This is the service's answer. 401, 40103: The ConsumerJWS is invalid"
    )


def test_what_was_found_in_a_loaded_request_stands_at_its_field_until_that_is_changed(
    explorer: Explorer,
) -> None:
    frames = lpnb.page_examples()["with campaign"].to_wire()
    frames[1]["body"]["campaignInfo"]["campaignId"] = "{{campaign}}"
    explorer.toolbar.toggle("Load")

    explorer.toolbar.import_panel.import_text(json.dumps(frames))

    assert "campaignId is the placeholder '{{campaign}}'." in notes(explorer)
    assert explorer.complaints == ()
    explorer.field("request.campaignInfo.campaignId").value = "99999"
    assert "placeholder" not in notes(explorer)


def test_a_log_with_a_request_and_its_refusal_is_loaded_and_the_refusal_said(explorer: Explorer) -> None:
    frames = json.dumps(lpnb.page_examples()["minimal"].to_wire())
    refusal = '{"code":"40103","message":"Invalid ConsumerJWS"}'
    log = f"> POST /api/account/1/messaging/consumer/conversation?v=3 HTTP/1.1\n\n{frames}\n"
    log += f"< HTTP/1.1 401 Unauthorized\n\n{refusal}"
    explorer.toolbar.toggle("Load")

    explorer.toolbar.import_panel.import_text(log)

    assert "The answer in it: 401, 40103: The ConsumerJWS is invalid" in text(explorer.toolbar.note)
    assert "Check the consumer id" in text(explorer.toolbar.note)


def test_a_long_reply_is_shown_whole_by_a_button(explorer: Explorer) -> None:
    response = send(explorer)
    explorer.sent[-1].response = replace(response, raw=json.dumps(["x" * 30_000]).encode())
    explorer.open_tab("Send & follow")
    follow = explorer._tab("Send & follow")
    assert "more characters: press “Show all”" in text(follow.raw)

    button(explorer, "Show all").click()

    assert "x" * 30_000 in follow.raw.value
    assert "lpnb-hidden" in follow.all_button._dom_classes


def test_why_it_landed_there_is_said_by_a_sandbox_in_another_process(
    explorer: Explorer, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONTROL_VARIABLE, sandbox.control)
    monkeypatch.setenv(TOKEN_VARIABLE, sandbox.control_token)
    monkeypatch.setattr("lpnb.sandbox.sandbox.RUNNING", {})  # as in a kernel of ``lpnb lab``
    send(explorer)
    explorer.open_tab("Send & follow")
    landing = explorer._tab("Send & follow").landing
    assert landing._future is not None
    landing._future.result(10)

    assert "The sandbox's rules in order" in text(landing.trace)


def test_loading_says_what_it_changed_and_what_nobody_filled_in(explorer: Explorer) -> None:
    frames = lpnb.page_examples()["minimal"].to_wire()
    frames[1]["body"] |= {"skillId": "{{skillId}}", "campaignInfo": {"campaignId": 7}}
    explorer.toolbar.toggle("Load")

    explorer.toolbar.import_panel.import_text(json.dumps(frames))

    note = text(explorer.toolbar.note)
    assert "[1].body.campaignInfo.campaignId: the number 7 is sent as the text '7'." in note
    assert "[1].body.skillId is the placeholder '{{skillId}}'. Put the value in its place." in note


@pytest.mark.parametrize(
    "written",
    ['"authorization"="{}"', '{{"name": "authorization", "value": "{}"}}', '^"authorization: {}^"'],
)
def test_a_token_in_any_dress_does_not_stay_in_a_refused_text(
    explorer: Explorer, states: Callable[[], str], written: str
) -> None:
    explorer.toolbar.toggle("Load")
    explorer.toolbar.import_panel.pasted_text.value = f"nothing of ours {written.format('0paque-t0ken')}"

    button(explorer, "Load the pasted text").click()

    assert "0paque-t0ken" not in states()


def test_a_pasted_token_is_left_out_and_said(explorer: Explorer, states: Callable[[], str]) -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    explorer.toolbar.toggle("Load")
    explorer.toolbar.import_panel.pasted_text.value = (
        "curl 'https://x.example/api/account/1/messaging/consumer/conversation?v=3' "
        f"-H 'Authorization: {token}' -d '{json.dumps(lpnb.page_examples()['minimal'].to_wire())}'"
    )

    button(explorer, "Load the pasted text").click()

    assert "Authorization was left out: lpnb gets tokens of its own." in text(explorer.toolbar.note)
    assert token not in states()


@pytest.mark.parametrize("header", ["Authorization: Bearer {}", "x-lp-on-behalf: {}"])
@pytest.mark.parametrize("token", ["eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl", "0paque-t0ken"])
def test_a_pasted_text_that_is_refused_stays_without_its_tokens(
    explorer: Explorer, states: Callable[[], str], header: str, token: str
) -> None:
    explorer.toolbar.toggle("Load")
    explorer.toolbar.import_panel.pasted_text.value = (
        f"curl https://x.example/ -H '{header.format(token)}' -d '[{{'"
    )

    button(explorer, "Load the pasted text").click()

    assert "lpnb-note" in explorer.toolbar.note._dom_classes
    assert text(explorer.toolbar.note)
    assert explorer.toolbar.import_panel.pasted_text.value == (
        f"curl https://x.example/ -H '{header.split(':')[0]}: ********' -d '[{{'"
    )
    assert token not in states()


def test_what_cannot_be_loaded_is_refused_with_its_path(explorer: Explorer) -> None:
    explorer.toolbar.toggle("Load")
    frames = [{"type": "userprofile.SetUserProfile", "body": {}}, {"type": "nope", "body": {}}]
    explorer.toolbar._panels["Load"].children[1].value = json.dumps(frames)

    button(explorer, "Load the pasted text").click()

    assert "[1].type" in text(explorer.toolbar.note)
    assert explorer.complaints == ()
    explorer.toolbar.import_panel.pasted_text.value = " "
    button(explorer, "Load the pasted text").click()
    assert text(explorer.toolbar.note) == "text is empty."


def test_undo_and_redo_go_through_the_steps(explorer: Explorer) -> None:
    first, consumer = explorer.field("personal.firstname"), explorer.consumer_id.value
    first.value = "J"
    first.value = "John"
    explorer.field("personal.gender").value = "MALE"
    explorer.load(lpnb.page_examples()["with campaign"])

    explorer.toolbar.undo.click()
    assert (first.value, explorer.field("personal.gender").value) == ("John", "MALE")
    assert explorer.field("request.skillId").value == ""
    explorer.toolbar.undo.click()
    explorer.toolbar.undo.click()
    assert first.value == ""
    assert explorer.toolbar.undo.disabled
    for _ in range(3):
        explorer.toolbar.redo.click()
    assert explorer.field("request.skillId").value == "-1"
    assert explorer.toolbar.redo.disabled
    assert explorer.consumer_id.value == consumer

    button(explorer, "Reset").click()
    assert explorer.consumer_id.value != consumer
    explorer.toolbar.undo.click()
    assert explorer.consumer_id.value == consumer
    assert explorer.field("request.skillId").value == "-1"


def test_a_duplicate_is_the_same_for_a_fresh_consumer(explorer: Explorer) -> None:
    explorer.field("personal.firstname").value = "John"
    before = explorer.consumer_id.value

    button(explorer, "Duplicate").click()

    assert explorer.consumer_id.value != before
    assert explorer.field("personal.firstname").value == "John"


def test_contacts_can_be_added_and_are_sent_in_order(explorer: Explorer) -> None:
    explorer.field("personal.contacts[1].email")
    button(explorer, "Add a contact").click()
    for number in range(3):
        explorer.field(f"personal.contacts[{number}].email").value = f"{number}@example.com"

    assert explorer.batch is not None
    personal = explorer.batch.to_wire()[0]["body"]["authenticatedData"]["lp_sdes"][0]["personal"]
    assert personal["contacts"] == [{"email": f"{number}@example.com"} for number in range(3)]
    assert explorer.field("personal.contacts[2].email").description == "3rd email"


def test_a_payload_with_five_contacts_gets_fields_for_each(explorer: Explorer) -> None:
    contacts = [lpnb.Contact(email=f"{number}@example.com") for number in range(5)]

    explorer.load(ConversationBatch.build([lpnb.PersonalInfo(contacts=contacts)]))

    assert explorer.field("personal.contacts[4].email").value == "4@example.com"
    assert explorer.batch_form.form.other_values == []


def test_a_brands_own_field_is_sent_beside_the_documented_ones(explorer: Explorer, sandbox: Sandbox) -> None:
    for name, typed in (
        ("loyaltyTier", "gold"),
        ("points", "7"),
        ("zip", '"7"'),
        ("tags", '["a", {"b": 1}]'),
    ):
        explorer.batch_form.custom.add("ctmrinfo", name)
        explorer.field(f"ctmrinfo.{name}").value = typed

    assert send(explorer).ok
    info = {"loyaltyTier": "gold", "points": 7, "zip": "7", "tags": ["a", {"b": 1}]}
    assert sandbox.conversations[-1].profile == [{"type": "ctmrinfo", "info": info}]
    explorer.clear()
    explorer.reopen(explorer.sent[-1])
    assert explorer.field("ctmrinfo.zip").value == '"7"'
    assert explorer.field("ctmrinfo.tags").value == '["a", {"b": 1}]'


@pytest.mark.parametrize(
    ("place", "name", "sentence"),
    [
        ("ctmrinfo", " ", "The field needs a name."),
        ("ctmrinfo", "ctype", "ctype is there already: find it by its name above."),
        ("personal", "contacts", "contacts is there already: find it by its name above."),
        ("elsewhere", "x", "It belongs to one of customer, person, conversation; got 'elsewhere'."),
    ],
)
def test_an_own_field_that_makes_no_sense_is_refused(
    explorer: Explorer, place: str, name: str, sentence: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        explorer.batch_form.custom.add(place, name)


def test_a_field_is_found_by_a_part_of_its_name(explorer: Explorer) -> None:
    focused: list[str] = []
    explorer.field("ctmrinfo.storeZipCode").focus = lambda: focused.append("zip")
    explorer.toolbar.find.value = "zip"
    button(explorer, "Go").click()
    assert focused[0] == "zip"

    explorer.toolbar.find.value = "no such thing"
    button(explorer, "Go").click()

    assert text(explorer.toolbar.note).strip() == "No field has such a name."


def test_a_complaint_in_the_list_leads_to_its_field(explorer: Explorer) -> None:
    size = explorer.field("ctmrinfo.companySize")
    size.value = "abc"
    explorer.consumer_id.value = " "
    complaint_buttons = [
        b for b in explorer.batch_form.complaint_buttons.children if "lpnb-hidden" not in b._dom_classes
    ]
    assert [b.description for b in complaint_buttons] == [
        "[0].body.authenticatedData.lp_sdes[0].info.companySize must be a whole number; got 'abc'.",
        "consumer_id must not be blank.",
    ]
    focused: list[str] = []
    size.focus = lambda: focused.append("size")
    explorer.consumer_id.focus = lambda: focused.append("consumer")

    complaint_buttons[0].click()
    complaint_buttons[1].click()

    assert focused[:2] == ["size", "consumer"]
    size.value = ""
    explorer.consumer_id.value = "me"
    assert all("lpnb-hidden" in b._dom_classes for b in explorer.batch_form.complaint_buttons.children)


def test_the_request_is_shown_with_masks_and_with_the_host_once_it_is_known(
    explorer: Explorer, client: Client
) -> None:
    assert (
        "POST https://{asyncMessagingEnt}/api/account/12345678/messaging/consumer/conversation?v=3"
        in text(explorer.batch_form.hints)
    )

    send(explorer)

    shown = text(explorer.batch_form.hints)
    assert f"POST {client.engine.account.domains['asyncMessagingEnt']}/api/account/12345678/" in shown
    assert "Authorization: ********" in shown
    assert "X-LP-ON-BEHALF: ********" in shown


def test_the_payloads_size_is_what_is_posted(explorer: Explorer) -> None:
    assert explorer.batch is not None
    posted = len(explorer.batch.outgoing("12345678").content)

    assert f"{posted} bytes. Request ids are made fresh" in text(explorer.batch_form.preview)


# History


def test_history_is_searched_reopened_resent_and_compared(explorer: Explorer, sandbox: Sandbox) -> None:
    for name in ("Wolfgang", "Grace"):  # an id is hexadecimal and may hold "ada"
        explorer.field("personal.firstname").value = name
        button(explorer, "Duplicate").click()
        send(explorer)
    explorer.open_tab("History")
    history = explorer._tab("History")
    history.search.value = "wolfgang"
    shown = [row.description for row in history.rows.children if "lpnb-hidden" not in row._dom_classes]
    assert [row.split(" ")[0] for row in shown] == ["#1"]
    history.search.value = ""

    history.rows.children[0].click()
    history.other.value = "1"
    button(explorer, "Compare").click()
    difference = text(history.difference)
    assert re.search(r'− +"firstname": "Wolfgang"', difference)
    assert re.search(r'\+ +"firstname": "Grace"', difference)

    history.choose(explorer.sent[0])
    history.reopen.click()
    assert explorer.tabs.selected_index == 0
    assert explorer.field("personal.firstname").value == "Wolfgang"
    assert explorer.consumer_id.value == explorer.sent[0].consumer_id

    history.resend.click()
    response = explorer.wait(10)
    assert response is not None
    assert response.outcome == "answered"
    assert len(explorer.sent) == 3
    assert sandbox.conversations[-1].profile == sandbox.conversations[0].profile
    assert response.consumer_id != explorer.sent[0].consumer_id


def test_a_send_that_does_not_exist_cannot_be_compared_with(explorer: Explorer) -> None:
    send(explorer)
    explorer.open_tab("History")
    history = explorer._tab("History")
    history.choose(explorer.sent[0])
    history.other.value = "<9>"

    button(explorer, "Compare").click()

    assert text(history._note).strip() == "There is no send #<9>."


def test_a_long_history_has_pages(explorer: Explorer) -> None:
    for _ in range(14):
        button(explorer, "Duplicate").click()
        send(explorer)
    explorer.open_tab("History")
    history = explorer._tab("History")

    def numbers() -> list[str]:
        return [
            r.description.split(" ")[0] for r in history.rows.children if "lpnb-hidden" not in r._dom_classes
        ]

    assert numbers() == [f"#{n}" for n in range(14, 2, -1)]
    history._older.click()
    assert numbers() == ["#2", "#1"]
    history._newer.click()
    assert len(numbers()) == 12


# The connection


def done(future: Any) -> None:
    future.result(15)


def test_check_says_that_the_account_answers_and_how_long_the_token_lives(explorer: Explorer) -> None:
    assert "none yet; fetched with the first send" in text(explorer.connection.facts)

    done(explorer.connection.check())

    facts = text(explorer.connection.facts)
    assert re.search(r"answers, \d+ ms for hosts and token", facts)
    assert re.search(r"renewed in 5\d min", facts)


def test_check_says_why_it_does_not_answer(explorer: Explorer, sandbox: Sandbox) -> None:
    sandbox.stop()

    done(explorer.connection.check())

    assert "Domain API" in text(explorer.connection.facts)
    assert 'data-state="bad"' in explorer.connection.facts.value
    assert not explorer.connection.check_button.disabled


def test_going_over_to_another_sandbox_asks_nothing_and_sends_there(
    explorer: Explorer, sandbox: Sandbox
) -> None:
    with Sandbox() as other:
        client = Client(Settings.of(other.environment()), wait_scale=0)
        done(explorer.connection.choose(lambda: client))
        send(explorer)
        client.close()

        assert explorer.client is client
        assert len(other.conversations) == 1
        assert sandbox.conversations == []
        assert f"SANDBOX {other.base.removeprefix('http://')}" in explorer.connection.badge.value


def test_a_real_account_is_asked_about_shown_and_asked_about_again_before_the_first_send(
    explorer: Explorer, tmp_path: Path
) -> None:
    (tmp_path / ".env.live").write_text(
        "LP_ACCOUNT_ID=87654321\nLP_CLIENT_ID=i\nLP_CLIENT_SECRET=planted-secret\n", encoding="utf-8"
    )
    explorer.connection.switch_button.click()
    names = [card.description for card in explorer.connection.cards.children]
    assert names == [
        "The connection this explorer was opened with (in use)", "Sandbox on this machine", "Profile live",
    ]  # fmt: skip
    done(explorer.connection.choose(explorer.connection._connections()["Profile live"]))
    assert "REAL ACCOUNT 87654321" in text(explorer.connection.question)
    assert explorer.client.settings.on_loopback

    explorer.connection.yes_button.click()

    assert explorer.client.settings.account_id == "87654321"
    assert 'data-world="real"' in explorer.connection.badge.value
    assert explorer.send_button.description == "Send to REAL ACCOUNT 87654321"
    assert any('"brandId": "87654321"' in line.text for line in explorer.batch_form.lines)
    send(explorer)
    assert status(explorer)[0] == "ask"
    assert explorer.sent == []
    explorer.client.close()


def test_staying_is_staying(explorer: Explorer, client: Client) -> None:
    real = Client(Settings("87654321", "id", Secret("hunter2")))
    done(explorer.connection.choose(lambda: real))

    explorer.connection.stay_button.click()
    explorer.connection.yes_button.click()

    assert explorer.client is client
    real.close()


def test_settings_that_are_wrong_are_complained_about_without_their_values(
    explorer: Explorer, tmp_path: Path
) -> None:
    (tmp_path / ".env.half").write_text("LP_CLIENT_SECRET=planted-secret\n", encoding="utf-8")

    done(explorer.connection.choose(explorer.connection._connections()["Profile half"]))

    assert "2 settings are missing: LP_ACCOUNT_ID, LP_CLIENT_ID." in text(explorer.connection.question)
    assert "planted" not in explorer.connection.question.value


def test_nothing_is_switched_during_a_send(explorer: Explorer, client: Client, sandbox: Sandbox) -> None:
    sandbox.fail("conversation", "slow", seconds=0.6)
    explorer.send_button.click()
    end = time.monotonic() + 10
    while not sandbox.calls["conversation"] and time.monotonic() < end:
        time.sleep(0.01)
    other = Client(client.settings)

    done(explorer.connection.choose(lambda: other))

    assert "A send is under way." in text(explorer.connection.question)
    explorer.wait(10)
    assert explorer.client is client
    other.close()


def test_a_question_about_one_account_is_no_consent_to_another(explorer: Explorer, client: Client) -> None:
    real = Client(Settings("87654321", "id", Secret("hunter2")))
    done(explorer.connection.choose(lambda: real))
    assert "REAL ACCOUNT 87654321" in text(explorer.connection.question)

    def broken() -> Client:
        raise OSError("no such disk")

    done(explorer.connection.choose(broken))

    assert text(explorer.connection.question) == "OSError: no such disk"
    assert "lpnb-hidden" in explorer.connection.yes_button._dom_classes
    explorer.connection.yes_button.click()
    assert explorer.client is client
    real.close()


def test_nothing_is_resent_while_a_send_is_under_way_and_the_form_stays(
    explorer: Explorer, sandbox: Sandbox
) -> None:
    send(explorer)
    explorer.open_tab("History")
    history = explorer._tab("History")
    history.choose(explorer.sent[0])
    explorer.consumer_id.value = "somebody else"
    sandbox.fail("conversation", "slow", seconds=0.6)
    explorer.send_button.click()

    history.resend.click()

    assert text(history._note) == "A send is under way. Wait for its end, then resend."
    assert explorer.consumer_id.value == "somebody else"
    explorer.wait(10)
    assert [sent.consumer_id for sent in explorer.sent][1:] == ["somebody else"]


# Trouble


def test_a_stopped_sandbox_loses_nothing_and_says_what_to_do(explorer: Explorer, sandbox: Sandbox) -> None:
    send(explorer)
    sandbox.stop()
    button(explorer, "Duplicate").click()
    explorer.field("personal.firstname").value = "Ada"

    response = send(explorer)

    assert [sent.response.outcome for sent in explorer.sent] == ["answered", "not sent"]
    assert explorer.sent[1].response is response
    assert '"firstname": "Ada"' in "".join(explorer.sent[1].frame_lines())
    assert explorer.tabs.get_title(2) == "History (2)"
    explorer.open_tab("History")
    row = explorer._tab("History").rows.children[0]
    assert row.description == "#2 · Ada, not sent"
    assert "lpnb-not-sent" in row._dom_classes
    follow = explorer._tab("Send & follow")
    assert "What was not posted" in text(follow.raw)
    assert "What was posted" not in text(follow.raw)
    explorer._tab("History").choose(explorer.sent[1])
    button(explorer, "Compare").click()
    assert "What was posted, and what was not" in text(explorer._tab("History").difference)
    assert "the last send did not get as far as its call" in text(explorer.connection.facts)
    assert status(explorer)[0] == "failed"
    assert "127.0.0.1" in status(explorer)[1]
    assert explorer.field("personal.firstname").value == "Ada"
    assert not explorer.send_button.disabled


def test_an_expired_token_is_renewed_and_the_send_goes_through_once(
    explorer: Explorer, sandbox: Sandbox, client: Client
) -> None:
    done(explorer.connection.check())
    sandbox.advance(7200)

    response = send(explorer)

    assert response.outcome == "answered"
    assert len(sandbox.conversations) == 1


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda value: value[:10])
def test_hostile_text_is_text_in_every_tab(explorer: Explorer, hostile: str) -> None:
    explorer.batch_form.custom.add("ctmrinfo", hostile[:150])
    explorer.field(f"ctmrinfo.{hostile[:150]}").value = hostile
    explorer.field("personal.firstname").value = hostile
    explorer.consumer_id.value = hostile[:1000]  # the sandbox takes no longer ones
    explorer.toolbar.toggle("Save")
    explorer.toolbar._panels["Save"].children[0].value = hostile[:150]
    button(explorer, "Save").click()
    explorer.toolbar.find.value = hostile
    button(explorer, "Go").click()
    response = send(explorer)
    assert response is not None, status(explorer)
    assert response.outcome == "answered", response
    for name in ("Send & follow", "History", "As code"):
        explorer.open_tab(name)
    history = explorer._tab("History")
    history.search.value = hostile
    history.choose(explorer.sent[0])
    history.other.value = hostile
    button(explorer, "Compare").click()
    explorer.toolbar.toggle("Start from")

    from ipywidgets.widgets.widget import _instances

    values = [w.value for w in _instances.values() if isinstance(w, ipywidgets.HTML)]
    for value in [*values, explorer._saved_html()[0], explorer._repr_mimebundle_()["text/html"]]:
        assert not re.search("<script|<img", value)
        # Nor is there a script of ours in an attribute: what the page does by script is in keys.js.
        assert not re.search(r"<[^>]*\son\w+=", re.sub('"[^"]*"', '""', value))


# Code and what stays


def test_the_cell_opens_an_explorer_with_the_same_payload(explorer: Explorer) -> None:
    explorer.load(lpnb.page_examples()["with campaign"])
    explorer.batch_form.custom.add("personal", "shoeSize")
    explorer.field("personal.shoeSize").value = "'\"\\n</script>"
    explorer.consumer_id.value = "it's \\ me"
    explorer.open_tab("As code")
    explorer._tab("As code").choose("A cell with this explorer")
    code = explorer._tab("As code").text
    space: dict[str, Any] = {}

    exec(code, space)

    again = space["explorer"]
    assert again.batch.to_wire("1")[0]["body"] == explorer.batch.to_wire("1")[0]["body"]
    assert again.batch.to_wire("1")[1]["body"] == explorer.batch.to_wire("1")[1]["body"]
    assert again.consumer_id.value == "it's \\ me"
    again.client.close()


def test_code_that_cannot_be_written_is_said_in_its_tab(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer.open_tab("As code")
    code = explorer._tab("As code")

    def broken(*_: object) -> str:
        raise RuntimeError("<no idea>")

    monkeypatch.setitem(code._writers, "curl", broken)
    button(explorer, "curl").click()

    assert text(code.code) == "RuntimeError: <no idea>"
    assert "<no idea>" not in code.code.value
    assert code.text == ""


def test_a_surprise_in_any_buttons_work_is_said(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("<no idea>")

    monkeypatch.setattr(explorer.batch_form, "new_id", broken)
    button(explorer, "New id").click()

    assert status(explorer) == ("failed", "RuntimeError: <no idea>")


def test_there_is_no_code_for_what_is_wrong(explorer: Explorer, capsys: pytest.CaptureFixture[str]) -> None:
    explorer.field("ctmrinfo.companySize").value = "abc"
    explorer.open_tab("As code")
    assert "There is no code for a payload that is wrong." in text(explorer._tab("As code").code)
    with pytest.raises(ValueError, match=r"see explorer\.complaints"):
        explorer.to_cell()

    explorer.field("ctmrinfo.companySize").value = "5"
    explorer.to_cell()

    assert explorer.batch is not None
    assert capsys.readouterr().out == cell_code(explorer.batch, explorer.consumer_id.value) + "\n"


def test_what_stays_without_a_kernel_has_the_payload_and_every_answer(explorer: Explorer) -> None:
    explorer.field("personal.firstname").value = "Ada"
    response = send(explorer)

    html_text, plain = explorer._saved_html()

    assert response.conversation_id in html_text
    assert "Ada" in html_text
    assert plain == repr(explorer)


def test_no_secret_is_in_any_widget(explorer: Explorer, client: Client, states: Callable[[], str]) -> None:
    done(explorer.connection.check())
    send(explorer)
    for name in ("Send & follow", "History", "As code"):
        explorer.open_tab(name)
    connector = client.engine.account
    jws = connector.consumer_jws(explorer.consumer_id.value)
    assert connector.app_jwt is not None
    assert jws is not None

    everything = states() + str(explorer._saved_html())

    for secret in (client.settings.client_secret, connector.app_jwt.token, jws):
        assert secret.reveal() not in everything


def test_each_front_end_without_panels_is_told_what_is_true_there(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = explorer._repr_mimebundle_()["text/html"]
    monkeypatch.setitem(sys.modules, "marimo", ModuleType("marimo"))
    bundle = explorer._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}  # for a widget marimo would show a sentence of its own
    marimo = bundle["text/html"]

    app = "run lpnb app in a terminal: it opens the explorer as a page in your browser.</p>"
    assert (
        "This is a copy without a kernel. For the live panel, run the cell in JupyterLab, Notebook 7 or "
        f"VS Code, with ipywidgets installed where JupyterLab runs. Anywhere else, {app}"
    ) in elsewhere
    assert f"marimo does not show panels made of ipywidgets. For the live one, {app}" in marimo


def test_the_settings_stand_in_the_head_with_their_sources_and_no_secret() -> None:
    given = {"LP_ACCOUNT_ID": "12345678", "LP_CLIENT_ID": "<id>", "LP_CLIENT_SECRET": "planted"}
    settings = Settings.of(given, {"LP_ACCOUNT_ID": ".env"})

    head = " ".join(text(Explorer(Client(settings)).connection.badge).split())

    assert "LP_ACCOUNT_ID 12345678 from .env" in head
    assert "LP_CLIENT_ID <id>" in head
    assert "LP_CLIENT_SECRET ********" in head
    assert "planted" not in head
    assert "LP_PROXY" not in head


def test_the_badge_of_a_sandbox_leads_to_the_agents_page_and_a_real_one_nowhere(
    explorer: Explorer, sandbox: Sandbox
) -> None:
    real = Explorer(Client(Settings("87654321", "id", Secret("hunter2"))))

    assert f'<a href="{sandbox.base}" target="_blank" rel="noopener"' in explorer.connection.badge.value
    assert "<a " not in real.connection.badge.value


def test_one_press_sends_the_same_again_for_a_new_consumer(explorer: Explorer) -> None:
    explorer.field("personal.firstname").value = "Ada"
    send(explorer)
    first = explorer.consumer_id.value

    button(explorer, "Send again for a new consumer").click()
    explorer.wait(10)

    assert [sent.response.outcome for sent in explorer.sent] == ["answered", "answered"]
    assert explorer.sent[0].frames() == explorer.sent[1].frames()
    assert explorer.sent[0].consumer_id == first != explorer.sent[1].consumer_id


def test_a_refused_send_names_buttons_and_no_calls(explorer: Explorer) -> None:
    send(explorer)
    response = send_all_the_same(explorer)

    assert "client.find_open_conversation(consumer_id) finds it" in response.explanation
    assert "find_open_conversation" not in explorer.sender.status.value
    assert "Press “Go on in the open one”, or “Send again for a new consumer”." in status(explorer)[1]


@pytest.mark.parametrize("place", ["Compose", "History"])
def test_a_refused_send_goes_on_in_the_open_one_by_a_button(explorer: Explorer, place: str) -> None:
    first = send(explorer)
    assert "lpnb-hidden" in button(explorer, "Go on in the open one")._dom_classes
    send_all_the_same(explorer)
    go_on = button(explorer, "Go on in the open one")
    assert "lpnb-hidden" not in go_on._dom_classes
    if place == "History":
        explorer.open_tab("History")
        history = explorer._tab("History")
        history.choose(explorer.sent[0])
        assert history.follow.description == "Follow"
        history.choose(explorer.sent[1])
        go_on = history.follow
        assert go_on.description == "Go on in the open one"

    go_on.click()

    assert explorer.tabs.selected_index == 1
    thread = explorer._tab("Send & follow").thread
    wait_for(lambda: "lpnb-hidden" not in thread.box._dom_classes)
    assert text(thread.open_status) == f"Conversation {first.conversation_id} is open."


def test_once_the_conversation_is_closed_a_second_send_is_no_longer_asked_about(explorer: Explorer) -> None:
    send(explorer)
    explorer.open_tab("Send & follow")
    thread = explorer._tab("Send & follow").thread
    thread.close()
    assert thread.future is not None
    thread.future.result(10)

    assert send(explorer).outcome == "answered"
    assert len(explorer.sent) == 2
