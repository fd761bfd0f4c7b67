"""The quick way from a wire model to JSON gives what pydantic's own does."""

from __future__ import annotations

import pytest

from lpnb import CustomerInfo, PersonalInfo
from lpnb.models.base import plain
from lpnb.models.conversation_request import CampaignInfo, ConsumerRequestConversation, ConversationContext
from lpnb.models.sdes import Address, Auth, Contact

MODELS = [
    PersonalInfo(),
    PersonalInfo(firstname="", contacts=[], extra={}),
    PersonalInfo(
        firstname="Ánna ☕",
        contacts=[Contact(email="a@b.c", address=Address(country="NL")), Contact()],
        auth=Auth(amr=["pwd", "otp"]),
    ),
    PersonalInfo(extra={"a": None, "b": [1, None, {"c": (True, None)}], "d": 1.5}),
    CustomerInfo(ctype="vip", customer_id="007", extra={"nested": {"model": [1]}}),
    ConsumerRequestConversation(
        campaign_info=CampaignInfo(campaign_id="1", engagement_id="2", extra={"x": None}),
        conversation_context=ConversationContext(lang="en-US"),
        skill_id="-1",
        metadata=[{"type": "x", "value": None}],
    ),
]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_it_says_what_pydantic_says(model):
    def listed(value):
        """JSON has one kind of list."""
        if isinstance(value, dict):
            return {key: listed(item) for key, item in value.items()}
        return [listed(item) for item in value] if isinstance(value, list | tuple) else value

    assert plain(model) == listed(model.model_dump(by_alias=True))
    assert list(plain(model)) == list(model.model_dump(by_alias=True))


def test_what_comes_out_may_be_changed_without_changing_the_model():
    model = PersonalInfo(contacts=[Contact(email="a@b.c")], extra={"more": [{"x": 1}]})
    before = plain(model)

    plain(model)["contacts"][0]["email"] = "changed"
    plain(model)["more"][0]["x"] = 2

    assert plain(model) == before
