"""Requests with everything in them that has ever broken a quote, and just enough of a REST client and of
Postman to run what is written, over real sockets."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from lpnb import CampaignInfo, ConversationBatch, CustomerInfo, PersonalInfo
from lpnb.models.sdes import Address, Age, Contact, Day

HOSTILE = {
    "quotes": "it's \"quoted\" `ticked` ''' \"\"\" \\' \\\" \\\\ '\\''",
    "shell": "$(touch pwned) `touch pwned` $HOME ${IFS} !! ; & | > < * ~ # \\n %s %%",
    "lines": "one\ntwo\r\nthree\ttab\u0000\u001b[31m\u2028\u0085end",
    "braces": "{{LP_CLIENT_SECRET}} {{$guid}} {{{x}}} }} {% x %} {0} {consumer}",
    "scripts": '</script><script>alert(1)</script> "><img src=x onerror=alert(1)>',
    "right to left": "שלום \u202eevil\u202c مرحبا\u200f",
    "emoji": "👩‍👩‍👧‍👦 🎉 \ufe0f é e\u0301 \u00a0 日本語",
    "long": "x'\"$`\\{{" * 1430,
    "http": "\n###\nGET http://127.0.0.1:1/\n# @name app\n< /etc/passwd\n\n@api = x",
    "heredoc": "\nEOF\nLPNB\n'\n\"\"\"\n'''\n",
}


@pytest.fixture(scope="session")
def everyday() -> ConversationBatch:
    """A request as people make them."""
    return ConversationBatch.build(
        [
            CustomerInfo(
                ctype="vip",
                customer_id="00138766AC",
                balance=-400.99,
                registration_date=Day(day=3, month=2, year=2020),
            ),
            PersonalInfo(
                firstname="John",
                age=Age(year=1980),
                gender="MALE",
                contacts=[Contact(email="john@example.com", address=Address(country="NL"))],
            ),
        ],
        campaign_info=CampaignInfo(campaign_id="99999", engagement_id="888888"),
        conversation_context={"lang": "en-US"},
        ttr_def_name="URGENT",
        client_properties={"os": "IOS", "appVersion": "1.0 {{x}} it's"},
    )


@pytest.fixture(scope="session")
def hostile() -> ConversationBatch:
    """A request whose every value wants to be something else."""
    names = list(HOSTILE.values())
    return ConversationBatch.build(
        [
            CustomerInfo(customer_id=names[0], ctype=names[1], role=names[2], user_name=names[3]),
            PersonalInfo(
                firstname=names[4],
                lastname=names[5],
                company=names[6],
                contacts=[Contact(email=value) for value in names[7:]],
                extra={names[3]: names[0], "n": [1e21, -0.5, 2**62, True, None, {}]},
            ),
        ],
        skill_id="-1",
    )


@pytest.fixture
def hostile_values() -> dict[str, str]:
    """What the hostile request is made of."""
    return HOSTILE


@pytest.fixture
def run_http_file() -> Callable[[str, Mapping[str, str]], httpx.Response]:
    """Runs an ``.http`` file."""
    return _run_http_file


@pytest.fixture
def run_postman() -> Callable[[str, str | None, Mapping[str, str]], list[httpx.Response]]:
    """Runs a collection."""
    return _run_postman


_VARIABLE = re.compile(r"\{\{(%?)([^{}]+?)\}\}")


def _filled(text: str, look: Callable[[str], str]) -> str:
    """*text* with each ``{{name}}`` looked up; ``{{%name}}`` is percent-encoded."""

    def value(found: re.Match[str]) -> str:
        plain = look(found[2].strip())
        return quote(plain, safe="") if found[1] else plain

    for _ in range(5):
        grown = _VARIABLE.sub(value, text)
        if grown == text:
            break
        text = grown
    return text


def _run_http_file(text: str, environment: Mapping[str, str]) -> httpx.Response:
    """Send every request of an ``.http`` file in order, as VS Code's REST Client would; the last reply."""
    variables: dict[str, str] = {}
    replies: dict[str, httpx.Response] = {}

    def look(name: str) -> str:
        if name == "$guid":
            return str(uuid.uuid4())
        if name.startswith("$processEnv "):
            return environment[name.removeprefix("$processEnv ")]
        if found := re.fullmatch(r"(\w+)\.response\.body\.\$\.(\w+)", name):
            return str(replies[found[1]].json()[found[2]])
        return variables[name]

    reply = httpx.Response(0)
    with httpx.Client(timeout=10) as http:
        for part in re.split(r"(?m)^###.*\n?", text):
            lines = part.split("\n")
            name = next((line.removeprefix("# @name ") for line in lines if line.startswith("# @name ")), "")
            for line in lines:
                if found := re.fullmatch(r"@(\w+) = (.*)", line):
                    variables[found[1]] = _filled(found[2], look)
            lines = [line for line in lines if not line.startswith(("#", "@"))]
            while lines and not lines[0].strip():
                lines.pop(0)
            if not lines:
                continue
            head, _, body = "\n".join(lines).partition("\n\n")
            request, *headers = re.sub(r"\n\s+(?=[?&])", "", head).split("\n")
            method, url = _filled(request, look).split(" ")
            pairs = [line.partition(": ")[::2] for line in headers]
            if any("urlencoded" in value for _, value in pairs):
                body = body.replace("\n", "")
            reply = http.request(
                method,
                url,
                headers=[(key, _filled(value, look)) for key, value in pairs],
                content=_filled(body.strip(), look).encode(),
            )
            assert reply.status_code in (200, 201), reply.text
            replies[name] = reply
    return reply


def _run_postman(collection: str, data: str | None, environment: Mapping[str, str]) -> list[httpx.Response]:
    """Run a collection as Postman's runner would; the last reply of each iteration."""
    found = json.loads(collection)
    variables = {entry["key"]: entry["value"] for entry in found["variable"]} | dict(environment)
    ended = []
    with httpx.Client(timeout=10) as http:
        for iteration, row in enumerate(json.loads(data) if data else [{}]):
            reply = httpx.Response(0)
            for item in found["item"]:
                scripts = {event["listen"]: "\n".join(event["script"]["exec"]) for event in item["event"]}
                if iteration > 0 and "pm.info.iteration > 0" in scripts.get("prerequest", ""):
                    continue

                def look(name: str, row: Mapping[str, str] = row) -> str:
                    return str(uuid.uuid4()) if name == "$guid" else {**variables, **row}[name]

                reply = _send(http, item["request"], look)
                assert reply.status_code in (200, 201), reply.text
                _after(scripts["test"], reply, variables)
            ended.append(reply)
    return ended


def _send(http: httpx.Client, request: dict[str, Any], look: Callable[[str], str]) -> httpx.Response:
    body = request.get("body", {"mode": "none"})
    form = {entry["key"]: _filled(entry["value"], look) for entry in body.get("urlencoded", [])}
    return http.request(
        request["method"],
        _filled(request["url"]["raw"], look),
        headers={entry["key"]: _filled(entry["value"], look) for entry in request.get("header", [])},
        content=_filled(body["raw"], look).encode() if body["mode"] == "raw" else None,
        data=form or None,
    )


def _after(script: str, reply: httpx.Response, variables: dict[str, str]) -> None:
    """What the scripts of our collections do: keep one field of the reply, with a scheme before hosts."""
    scheme = variables["LP_DOMAIN_API"].split("://")[0]
    for name, before, field in re.findall(
        r'pm\.collectionVariables\.set\("(\w+)", (scheme \+ "://" \+ )?pm\.response\.json\(\)\.(\w+)\);',
        script,
    ):
        variables[name] = (f"{scheme}://" if before else "") + reply.json()[field]
