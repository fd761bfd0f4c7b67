"""The agent's page without an open conversation: first-request examples in Python and curl."""

import re
from importlib import resources
from urllib.parse import quote

from lpnb.sandbox.agent_page.components import Page
from lpnb.sandbox.agent_page.markup import Html, tag


def empty_state(page: Page) -> Html:
    """The place where a conversation would be."""
    if page.missing is not None:
        content: object = [
            tag("h2", "There is no such conversation"),
            tag("p", "It was never opened here, or the sandbox has been reset: ", tag("code", page.missing)),
            tag("p", tag("a", "Show all conversations", href="/")),
        ]
    elif page.rows:
        content = [
            tag("h2", "Choose a conversation"),
            tag("p.faint", "New ones appear in the list by themselves."),
        ]
    else:
        content = [
            tag("h2", "No conversation yet"),
            tag("p", "The sandbox is ready. Open the first conversation, and it appears here at once."),
            tag("h3", "From Python"),
            tag("pre", tag("code", _example("first_request.py.txt", page)), tabindex=0, aria_label="Python"),
            tag("h3", "From a shell"),
            tag("pre", tag("code", _example("first_request.sh", page)), tabindex=0, aria_label="Shell"),
        ]
    return tag(
        "main.conversation#nothing",
        tag(
            "section#conversation",
            content,
            class_="pane empty centred" if page.rows else "pane empty",
            tabindex=-1,
        ),
        data_live=True,
    )


def _example(name: str, page: Page) -> str:
    """The first request, in the language of the file *name*, with what this sandbox is called by."""
    text = resources.files(__package__).joinpath("examples", name).read_text("utf-8").rstrip("\n")
    values = {
        "account": page.account.id,
        "base": page.base,
        "client_id": page.client_id,
        "client_secret": page.client_secret,
        "client_id_quoted": quote(page.client_id),
        "client_secret_quoted": quote(page.client_secret),
    }
    return re.sub(r"@\{(\w+)\}", lambda match: values[match[1]], text)
