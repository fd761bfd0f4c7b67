"""What leaves is bounded: a body over the limit is refused here, with its size, and nothing is sent."""

from __future__ import annotations

from typing import Any

import pytest

import lpnb
from lpnb import InvalidValueError, RawBatch
from lpnb.models.frames import RawFrame

LIMIT = 1_048_576
TEXT = "x" * LIMIT


def refusal(size: int, path: str = "frames", limit: int = LIMIT) -> str:
    return (
        f"{path} make a body of {size:,} bytes, and lpnb sends at most {limit:,}, a limit of its own. "
        "Shorten the texts, or raise LP_LARGEST_BODY (Settings(largest_body=...))."
    )


@pytest.mark.parametrize(
    ("name", "arguments", "fields", "path"),
    [
        ("create_conversation", ("anna", [lpnb.PersonalInfo(firstname=TEXT)]), {}, "frames"),
        ("send_batch", (RawBatch("[" + " " * LIMIT + "]"), "anna"), {}, "frames"),
        ("send_frame", (RawFrame('{"id":"1","x":"' + TEXT + '"}'), "anna"), {}, "frames"),
        (
            "engagement",
            ("anna",),
            {"engagement_attributes": [lpnb.CustomerInfo(ctype=TEXT)]},
            "engagement attributes",
        ),
        (
            "report",
            ("anna",),
            {"engagement_attributes": [lpnb.CustomerInfo(ctype=TEXT)]},
            "engagement attributes",
        ),
    ],
)
def test_a_body_over_the_limit_is_refused_with_its_size_and_nothing_is_sent(
    door: Any, sandbox: lpnb.Sandbox, name: str, arguments: tuple[Any, ...], fields: Any, path: str
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        door.call(name, *arguments, **fields)

    size = int(str(caught.value).split(" bytes")[0].rpartition(" ")[2].replace(",", ""))
    assert LIMIT < size < LIMIT + 1000
    assert str(caught.value) == refusal(size, path)
    assert [complaint.path for complaint in caught.value.complaints] == [path]
    asked = ("conversation", "send", "engagement", "report")
    assert [sandbox.calls[route] for route in asked] == [0, 0, 0, 0]


def test_the_last_byte_within_the_limit_is_sent_and_the_next_is_not(open_client: Any, cloud: Any) -> None:
    door = open_client(cloud.settings())
    cloud.says["conversation"] = lambda asked: None
    exact, longer = RawBatch(TEXT.encode()), RawBatch(TEXT.encode() + b"x")

    assert door.send_batch(exact, "anna").attempts == 1
    with pytest.raises(InvalidValueError, match="1,048,577 bytes"):
        door.send_batch(longer, "anna")
    assert cloud.calls["conversation"] == 1


def test_a_raised_limit_counts(open_client: Any, cloud: Any) -> None:
    cloud.says["conversation"] = lambda asked: None
    door = open_client(cloud.settings(largest_body="3000000"))

    assert door.send_batch(RawBatch(b"x" * 3_000_000), "anna").attempts == 1
    with pytest.raises(InvalidValueError) as caught:
        door.send_batch(RawBatch(b"x" * 3_000_001), "anna")
    assert str(caught.value) == refusal(3_000_001, limit=3_000_000)


def test_a_case_over_the_limit_is_not_sent_and_the_others_are(
    client: lpnb.Client, sandbox: lpnb.Sandbox
) -> None:
    run = lpnb.run_experiment(
        client, [{"personal.firstname": "anna"}, {"personal.firstname": TEXT}, {"personal.firstname": "bob"}]
    ).wait()

    table = run.table()
    assert list(table["outcome"]) == ["answered", "not sent", "answered"]
    assert table["message"][1].startswith("frames make a body of 1,048,")
    assert sandbox.calls["conversation"] == 2
