"""``lpnb.NULL``: a null that is sent, unlike a field that is left out."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

import lpnb
from lpnb.models.conversation_request import ConsumerRequestConversation
from lpnb.widgets.form.fields import model_fields

SENT = {"channelType": "MESSAGING", "ttrDefName": None}


@pytest.mark.parametrize("given", [lpnb.NULL, "null"])
def test_null_is_sent_as_null(given):
    request = ConsumerRequestConversation(ttr_def_name=given)

    assert request.to_wire() == SENT
    assert request.model_dump(by_alias=True) == SENT
    assert repr(request) == "ConsumerRequestConversation(channel_type='MESSAGING', ttr_def_name=lpnb.NULL)"


def test_none_leaves_the_field_out():
    assert ConsumerRequestConversation(ttr_def_name=None).to_wire() == {"channelType": "MESSAGING"}


def test_a_null_that_was_read_is_sent_again_and_an_absent_one_stays_absent():
    assert ConsumerRequestConversation.from_wire({"ttrDefName": None}).to_wire() == SENT
    assert ConsumerRequestConversation.from_wire({}).to_wire() == {"channelType": "MESSAGING"}


def test_null_in_another_field_stays_left_out():
    assert ConsumerRequestConversation.from_wire({"skillId": None}).to_wire() == {"channelType": "MESSAGING"}


def test_there_is_one_null_after_copies_and_pickles():
    assert copy.deepcopy(lpnb.NULL) is copy.copy(lpnb.NULL) is lpnb.NULL
    assert pickle.loads(pickle.dumps(lpnb.NULL)) is lpnb.NULL


def test_a_request_with_null_becomes_python_that_sends_null():
    batch = lpnb.ConversationBatch.build(ttr_def_name=lpnb.NULL)

    assert 'client.create_conversation("anna", ttr_def_name=lpnb.NULL)' in lpnb.as_python(batch, "anna")
    assert '"ttrDefName": null' in lpnb.as_http_file(batch, "anna")


@pytest.mark.parametrize("way", ["batch", "posted"])
def test_a_grid_and_a_file_of_cases_send_null(tmp_path, way):
    file = tmp_path / "cases.csv"
    file.write_text("ttrDefName,skillId\nURGENT,7\nnull,7\n,7\n", encoding="utf-8")
    grid = lpnb.Grid({"ttrDefName": ["URGENT", lpnb.NULL, None], "skillId": ["7"]})

    for cases in (lpnb.cases_of(file), lpnb.cases_of(grid)):
        assert [case.complaints() for case in cases] == [[], [], []]
        sent = [json.loads(getattr(case, way)().outgoing("1").content)[1]["body"] for case in cases]
        assert [body.get("ttrDefName", "left out") for body in sent] == ["URGENT", None, "left out"]


def test_custom_of_older_pages_is_named_as_that_and_can_be_sent(client, sandbox):
    text = json.dumps(lpnb.ConversationBatch.build(ttr_def_name="URGENT").to_wire(sandbox.account_id))
    old = text.replace("URGENT", "CUSTOM")
    said = (
        "[1].body.ttrDefName must be one of 'NORMAL', 'URGENT', 'PRIORITIZED', 'null'; got "
        "'CUSTOM'. 'CUSTOM' is "
        "on older pages only: leave it out. To send everything as it is: lpnb.RawBatch(text)."
    )

    for refused in (
        lambda: lpnb.ConversationBatch.build(ttr_def_name="CUSTOM"),
        lambda: lpnb.ConversationBatch.from_wire(old),
    ):
        with pytest.raises(lpnb.InvalidValueError) as caught:
            refused()
        assert str(caught.value) == said
    assert client.send_batch(lpnb.RawBatch(old), "anna").outcome == "answered"


def test_the_explorers_field_shows_a_null_and_sends_it():
    (field,) = [f for f in model_fields(ConsumerRequestConversation, "request") if f.path == ("ttrDefName",)]

    assert field.choices == ("NORMAL", "URGENT", "PRIORITIZED", "null")
    assert field.from_wire(None) == "null"
    assert field.to_wire("null") is lpnb.NULL
    assert field.to_wire("") is None
