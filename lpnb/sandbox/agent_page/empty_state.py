"""The agent's page without an open conversation: first-request examples in Python and curl."""

from urllib.parse import quote

from lpnb.sandbox.agent_page.components import Page
from lpnb.sandbox.agent_page.markup import Html, tag


def empty_state(page: Page) -> Html:
    """The place where a conversation would be."""
    if page.missing is not None:
        inside: object = [
            tag("h2", "There is no such conversation"),
            tag("p", "It was never opened here, or the sandbox has been reset: ", tag("code", page.missing)),
            tag("p", tag("a", "Show all conversations", href="/")),
        ]
    elif page.rows:
        inside = [
            tag("h2", "Choose a conversation"),
            tag("p.faint", "New ones appear in the list by themselves."),
        ]
    else:
        inside = [
            tag("h2", "No conversation yet"),
            tag("p", "The sandbox is ready. Open the first conversation, and it appears here at once."),
            tag("h3", "From Python"),
            tag("pre", tag("code", _python(page)), tabindex=0, aria_label="Python"),
            tag("h3", "From a shell"),
            tag("pre", tag("code", _curl(page)), tabindex=0, aria_label="Shell"),
        ]
    return tag(
        "main.conversation#nothing",
        tag(
            "section#conversation",
            inside,
            class_="pane empty centred" if page.rows else "pane empty",
            tabindex=-1,
        ),
        data_live=True,
    )


def _python(page: Page) -> str:
    return f"""import lpnb

settings = lpnb.Settings.of({{
    "LP_ACCOUNT_ID": "{page.account.id}",
    "LP_CLIENT_ID": "{page.client_id}",
    "LP_CLIENT_SECRET": "{page.client_secret}",
    "LP_DOMAIN_API": "{page.base}",
}})
with lpnb.Client(settings) as client:
    client.create_conversation("anna-1", sdes=[
        lpnb.PersonalInfo(firstname="Anna", lastname="Example"),
        lpnb.CustomerInfo(ctype="vip", customer_id="138766AC"),
    ])"""


def _curl(page: Page) -> str:
    account = page.account.id
    return f"""BASE={page.base}
JWT=$(curl -s "$BASE/sentinel/api/account/{account}/app/token?v=1.0" \\
  -d client_id={quote(page.client_id)} \\
  -d client_secret={quote(page.client_secret)} \\
  -d grant_type=client_credentials | cut -d'"' -f4)
JWS=$(curl -s "$BASE/api/account/{account}/consumer?v=1.0" -H "Authorization: $JWT" \\
  -H 'Content-Type: application/json' -d '{{"ext_consumer_id":"anna-1"}}' | cut -d'"' -f4)
curl "$BASE/api/account/{account}/messaging/consumer/conversation?v=3" \\
  -H "Authorization: $JWT" -H "X-LP-ON-BEHALF: $JWS" -H 'Content-Type: application/json' -d '[
  {{"kind":"req","id":"1","type":"userprofile.SetUserProfile","body":{{"authenticatedData":{{"lp_sdes":[
    {{"type":"personal","personal":{{"firstname":"Anna","lastname":"Example"}}}},
    {{"type":"ctmrinfo","info":{{"ctype":"vip","customerId":"138766AC"}}}}]}}}}}},
  {{"kind":"req","id":"2","type":"cm.ConsumerRequestConversation","body":{{"brandId":"{account}"}}}}]'"""
