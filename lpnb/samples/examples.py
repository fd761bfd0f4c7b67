"""The three example bodies of the CONVERSATION documentation page, made with lpnb's builders."""

from __future__ import annotations

from lpnb.models.batches import ConversationBatch
from lpnb.models.conversation_request import (
    CampaignInfo,
    ConsumerRequestConversation,
    ConversationContext,
    SetUserProfile,
)
from lpnb.models.sdes import CustomerInfo, PersonalInfo


def page_examples() -> dict[str, ConversationBatch]:
    """Return "minimal", "with SDEs" and "with campaign", with the page's own values.

    Its request ids, "1," and "2,", have a comma in them; ids are opaque, so it is kept. The page leaves
    ``channelType`` out of the first two.

    Example:
        >>> page_examples()["minimal"].to_wire("12345678")[0]
        {'kind': 'req', 'id': '1,', 'type': 'userprofile.SetUserProfile', 'body': {}}

    Source: Send API, CONVERSATION.
    """
    ids = ("1,", "2,")
    sdes = SetUserProfile(
        [
            CustomerInfo(social_id="1234567890", ctype="vip"),
            PersonalInfo(firstname="John", lastname="Doe", gender="MALE"),
        ]
    )
    bare = ConsumerRequestConversation(channel_type=None)
    campaign = ConsumerRequestConversation(
        ttr_def_name="NORMAL",
        campaign_info=CampaignInfo(campaign_id="99999", engagement_id="888888"),
        conversation_context=ConversationContext(
            visitor_id="A3ZTY3Zjk1MDExZTczYTU4",
            session_id="ys2wSqaSRSOJGki7VhEDKQ",
            interaction_context_id="2",
            lang="en-US",
        ),
        skill_id="-1",
    )
    return {
        "minimal": ConversationBatch(request=bare, req_ids=ids),
        "with SDEs": ConversationBatch(sdes, bare, req_ids=ids),
        "with campaign": ConversationBatch(sdes, campaign, req_ids=ids),
    }
