"""A page of the site for each answer that CONVERSATION can give, in the words of `lpnb explain`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import lpnb
from lpnb.models.status_meanings import MEANINGS

#: What the service says beside the number of a 401: title and details.
_SERVICE_WORDS = {
    "40001": ("Missing parameter", "Brand Id is missing"),
    "40102": ("Invalid AppJWT", "AppJWT has expired or is invalid"),
    "40103": ("Invalid ConsumerJWS", "ConsumerJWS is invalid"),
    "40104": ("ConsumerJWS is missing", "X_ON_BEHALF_HEADER is not present"),
    "40105": ("AppJWT is missing", "AUTHORIZATION header is not present"),
}
_BODY = """{{
        "kind": "resp",
        "code": 401,
        "body": {}
    }}"""
#: Each status that has words, and a title that a search finds.
_TITLES = {
    400: "400, Bad Request",
    401: "401, Unauthorized",
    403: "403, Forbidden",
    404: "404, Not Found",
    408: "408, Request Timeout",
    413: "413, Payload Too Large",
    429: "429, Too Many Requests",
    500: "500, Internal Server Error",
    502: "502, Bad Gateway",
    503: "503, Service Unavailable",
    504: "504, Gateway Timeout",
}


@dataclass(frozen=True)
class Answer:
    """One answer: its page, what `lpnb explain` says of it, and the fault that makes a sandbox give it."""

    name: str
    title: str
    meaning: str
    advice: str
    fault: str


def answers() -> list[Answer]:
    """Every answer that has a page, in the order of the menu."""
    all_answers = []
    for status, title in _TITLES.items():
        # A wait that lpnb takes is half a minute of tries; this one it leaves to the reader.
        fault = f'{{"code": {status}, "retry_after": 3600}}' if status == 429 else f'{{"code": {status}}}'
        all_answers.append(_answer(str(status), title, fault, "", status))
        if status == 401:
            for code, (title, details) in _SERVICE_WORDS.items():
                words = (
                    f'{{"title": "{title}", "details": "{details}",\n                 "errorCode": {code}}}'
                )
                body = _BODY.format(words).replace("\n", "")
                fault = f'{{\n    "code": 401,\n    "body": {_BODY.format(words)},\n}}'
                all_answers.append(_answer(code, f"401, {code}: {title}", fault, body, 401))
    return all_answers


def _answer(name: str, title: str, fault: str, body: str, status: int) -> Answer:
    explanation = lpnb.explain(body, status=status)
    meaning = MEANINGS.get(name) or explanation.findings[0].sentence.partition(": ")[2]
    return Answer(name, title, meaning, explanation.answer, fault)


def write_pages(folder: Path) -> None:
    """A page for each answer, and one that lists them."""
    folder.mkdir(parents=True)
    lines = ["# What the service answers", "", "| answer | what it means |", "|---|---|"]
    for answer in answers():
        (folder / f"{answer.name}.md").write_text(page(answer), encoding="utf-8")
        lines.append(f"| [{answer.title}]({answer.name}.md) | {answer.meaning} |")
    entries = "\n".join(answer.name for answer in answers())
    lines += ["", "```{toctree}", ":hidden:", "", entries, "```", ""]
    (folder / "index.md").write_text("\n".join(lines), encoding="utf-8")


def page(answer: Answer) -> str:
    """The page of one answer."""
    # The search takes no numbers out of texts, but out of index entries.
    return f"""# {answer.title}

```{{index}} {answer.name}, HTTP {answer.title[:3]}, error {answer.name}
```

**What it means.** {answer.meaning}

**What to do.** {answer.advice}

`lpnb explain FILE`, or `lpnb.explain(text)` in Python, names the field or the token in a request:
see [Explain a 400, or any other answer](../how-to/explain-a-400.md).

## See it on a sandbox

```python
import lpnb

sandbox = lpnb.Sandbox().start()
client = lpnb.Client(lpnb.Settings.of(sandbox.environment()))
answer = {answer.fault}
sandbox.fail("conversation", "status", times=None, **answer)
reply = client.create_conversation("consumer-1")
print(reply.explanation)
```

The notebook [Anatomy of a batch](../notebooks/04-batch-and-replies.md) provokes such answers, one after
the other.
"""
