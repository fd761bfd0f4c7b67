"""The site's pages of answers: each sandbox shown there gives the answer that its page is about."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "site"))
import answers

ANSWERS = answers.answers()


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.name)
def test_the_sandbox_of_a_page_gives_its_answer(answer):
    (code,) = re.findall(r"^```python\n(.*?)^```$", answers.page(answer), re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}

    try:
        exec(code, names)
        reply = names["reply"]
        assert str(reply.http_status) == answer.title[:3]
    finally:
        names["client"].close()
        names["sandbox"].stop()


def test_every_error_code_and_status_has_a_page_with_advice():
    assert [answer.name for answer in ANSWERS] == [
        "400", "401", "40001", "40102", "40103", "40104", "40105", "403", "404", "408", "413", "429",
        "500", "502", "503", "504",
    ]  # fmt: skip
    assert [answer.name for answer in ANSWERS if not answer.meaning or not answer.advice] == []
