"""Tables to draw: one that was really sent, and ones made up to be awkward."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest

import lpnb.sandbox
from lpnb import Client, ConversationBatch, Sandbox, Settings

CTYPES = ["vip", "gold", "private", "business", "corporate", "regular"]
ENGAGEMENTS = [
    ("99999", "888888"), ("99999", "888889"), ("880524010", "880524110"), ("880524011", "880524114"),
    ("880524012", "880524115"), ("880524013", "880524118"), ("880524015", "880524123"), (None, None),
]  # fmt: skip
WORLD = Path(lpnb.sandbox.__file__).parent / "world" / "default_world.toml"


def sent(world: str | Path | None = None) -> pd.DataFrame:
    """Six customer types times eight engagements, sent to a sandbox, with where each really landed."""
    rows = []
    with (
        Sandbox(**({} if world is None else {"world": world})) as sandbox,
        Client(Settings.of(sandbox.environment())) as client,
    ):
        for ctype, (campaign, engagement) in itertools.product(CTYPES, ENGAGEMENTS):
            request = {"campaign_info": {"campaignId": campaign, "engagementId": engagement}}
            batch = ConversationBatch.build(
                [{"type": "ctmrinfo", "info": {"ctype": ctype}}], **(request if campaign else {})
            )
            name = f"{ctype} {engagement or 'alone'}"
            reply = client.send_batch(batch, f"consumer {name}")
            trace = sandbox.trace(str(reply.conversation_id))
            rows.append(
                {
                    "case": name,
                    "outcome": reply.outcome,
                    "code": "OK",
                    "elapsed_ms": reply.elapsed_ms,
                    "sent_at": reply.sent_at,
                    "landed_skill_id": trace["skillId"],
                    "landed_skill": trace["skillName"],
                    "passed": pd.NA,
                    "ctmrinfo.ctype": ctype,
                    "campaignInfo.campaignId": campaign,
                    "campaignInfo.engagementId": engagement,
                }
            )
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def before() -> pd.DataFrame:
    """What the default world does with the 48 cases."""
    return sent()


@pytest.fixture(scope="session")
def after(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The same where one engagement leads to another skill."""
    text = WORLD.read_text(encoding="utf-8")
    old = 'name = "Mortgage calculator"\nskill = "Mortgages & Loans"'
    assert text.count(old) == 1
    world = tmp_path_factory.mktemp("world") / "after.toml"
    world.write_text(text.replace(old, old.replace("Mortgages & Loans", "General Enquiries")), "utf-8")
    return sent(world)


@pytest.fixture
def table() -> Callable[..., pd.DataFrame]:
    """Makes a table of all pairs of values; skills and outcomes go round in their order."""

    def make(
        down: Sequence[object],
        across: Sequence[object],
        skills: Sequence[str | None] = ("Cards", "Loans"),
        outcomes: Sequence[str] = ("answered",),
        each: int = 1,
    ) -> pd.DataFrame:
        pairs = [pair for pair in itertools.product(down, across) for _ in range(each)]
        rows = zip(pairs, itertools.cycle(skills), itertools.cycle(outcomes), strict=False)
        found = [
            (f"case {number}", outcome, skill if outcome == "answered" else None, *pair)
            for number, (pair, skill, outcome) in enumerate(rows)
        ]
        return pd.DataFrame(found, columns=["case", "outcome", "landed_skill", "down", "across"])

    return make
