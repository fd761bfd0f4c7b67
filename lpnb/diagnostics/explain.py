"""``explain``: what a request, a reply or a log line is, what is wrong with it, and what the service answers.

Nothing is sent and nothing is looked up: all of it follows from the text.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from lpnb._internal.display import brief, esc, table_html
from lpnb._internal.json_codec import json_in
from lpnb._internal.placeholders import placeholder_in
from lpnb._printable import one_line
from lpnb.errors import Complaint, InvalidValueError
from lpnb.models.base import KEEP_UNKNOWN, meant_path
from lpnb.models.batches import ConversationBatch
from lpnb.models.best_practices import advise, foreign_brand, odd_texts
from lpnb.models.conversation_request import REQUEST_CONVERSATION, REQUEST_PATHS, SET_USER_PROFILE
from lpnb.models.frames import PUBLISH_EVENT
from lpnb.models.responses import BatchResponse, Outcome, read_batch
from lpnb.models.responses import explain as explain_outcome
from lpnb.models.status_meanings import CODE_ADVICE, MEANINGS, UNKNOWN_MEANING, status_meaning
from lpnb.snippets.parse import read_request
from lpnb.snippets.parsed_request import KIND_NAMES, ParsedRequest, RecordedReply, RecordedToken, without

_WIDTH = 80
#: The code of a refusal as a word of its own, and the characters of a log that it is looked for in.
_CODE = re.compile(rf"(?<![\w.-])(?:{'|'.join(MEANINGS)})(?![\w-]|\.\d)")
_CODES_LOOKED_AT = 20_000
#: A field that the service's message names.
_FIELD = re.compile(
    r"""\b(?:field|property|attribute|parameter)[ :]{0,2}\\?["'`](\w{1,60})\\?["'`]""", re.IGNORECASE
)
#: Headers that come from a variable, a file or an option, so that it is not known which there are.
_FROM_ELSEWHERE = re.compile(
    r"""(?:-H|--header)[ =]?["']?[$@%]|["']?\$\{?\w+\[[@*]\]"""
    r"""|\s(?:-K|--config|-u|--user|--url-query)\b|\*\*\w|\.\.\.\w"""
)
#: Fields whose texts have a form of their own, or that are not for here.
_FORMATS = ("lang", "language", "country", "currency", "storeZipCode", "storeNumber")
#: What follows from a finding. "accepted, but" is: the service takes it, and it is hardly what was meant.
Effect = Literal["refused", "probable cause", "may be refused", "accepted, but", "not known", ""]
#: Paths of what the pages call mandatory, an array of two frames and their envelopes: 400 without it.
_ENVELOPE = re.compile(r"frames|\[\d+\](\.(kind|type|id|body))?")
#: Sentences of a kind that are printed at the most, so that all stay on a screen.
_SHOWN = 12
_TOKEN_NAMES = {"Authorization": "AppJWT", "X-LP-ON-BEHALF": "ConsumerJWS"}
_HEADERS = tuple(_TOKEN_NAMES)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where (a path on the wire, a header, or ""), a sentence on it, what follows.

    ``effect`` is "refused" where that is certain; "may be refused" where LivePerson documents no answer, and
    "probable cause" when such a value was refused; "accepted, but" where it passes and is hardly what was
    meant; "not known" where a conversation may exist; "" where the text is no request. ``status`` is what the
    service answers to it, where that is known.
    """

    path: str
    sentence: str
    effect: Effect = ""
    status: int | None = None

    def __str__(self) -> str:
        return f"{self.effect}: {self.sentence}" if self.effect else self.sentence


@dataclass(frozen=True, slots=True)
class Explanation:
    """What ``explain`` found out about a text.

    Attributes:
        kind: What the text is, one word; see ``ParsedRequest.kind``.
        description: The same as a sentence.
        findings: What is wrong, the cause of a refusal first.
        answer: What the service answered, or is expected to answer, and what to do.
        verdict: Whether the service refuses it, as a sentence; "" where the text is no request.
        notes: What lpnb reads or fills in otherwise than the text has it.
        tokens: A sentence for each token: whose it is and when it ends. The token itself is nowhere.
    """

    kind: str
    description: str
    findings: tuple[Finding, ...]
    answer: str
    notes: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    verdict: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return {
            "kind": self.kind,
            "ok": self.ok,
            "verdict": self.verdict,
            "description": self.description,
            "findings": [
                {"effect": one.effect, "path": one.path, "sentence": one.sentence} for one in self.findings
            ],
            "answer": self.answer,
            "notes": list(self.notes),
            "tokens": list(self.tokens),
        }

    def __str__(self) -> str:
        return "\n".join(map(one_line, self._lines()))

    def _lines(self) -> Iterator[str]:
        yield from _wrap(self._first_line(), "")
        for finding in self.findings[:_SHOWN]:
            yield from _wrap(str(finding), "- ")
        if len(self.findings) > _SHOWN:
            yield f"- ... and {len(self.findings) - _SHOWN:,} more; --json has them all."
        if self.answer:
            yield ""
            yield from _wrap(self.answer, "")
        for title, sentences in (("Tokens", self.tokens), ("To know", self.notes)):
            if sentences:
                yield ""
                yield f"{title}:"
                for sentence in sentences[:_SHOWN]:
                    yield from _wrap(sentence, "- ")

    def _first_line(self) -> str:
        if not self.findings:
            return f"{self.description} Nothing is wrong with it."
        return f"{self.verdict} {self.description}".strip()

    def _repr_html_(self) -> str:
        def list_html(sentences: list[str]) -> str:
            return (
                "<ul>" + "".join(f"<li>{esc(one)}</li>" for one in sentences) + "</ul>" if sentences else ""
            )

        rows = [(one.effect, one.sentence) for one in self.findings]
        table = table_html("Findings", ("what follows", "what is wrong"), rows) if rows else ""
        return (
            f"<p>{esc(self._first_line())}</p>{table}"
            f"<p>{esc(self.answer)}</p>{list_html([*self.tokens, *self.notes])}"
        )


def _wrap(sentence: str, bullet: str) -> list[str]:
    """Lines of at most 80 columns; a path or an id is never broken."""
    clean = "".join(letter if letter.isprintable() else " " for letter in sentence)
    return textwrap.wrap(
        clean,
        _WIDTH,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )


def explain(text: str, *, status: int | None = None, request: int | None = None) -> Explanation:
    """Say what *text* is, what is wrong with it, and what the service answers to it and why.

    It takes whatever ``read_request`` takes: a request (frames, curl, PowerShell, ``fetch()``, HAR, Postman,
    ``.http``), the service's answer, or a log line with one or both. Nothing is sent.

    Args:
        text: The text, at most four million characters.
        status: The HTTP status that came back, 100 to 599, where the text does not say it.
        request: Which request, counted from 1, when the text has several; by default the first that was
            refused, else the first in which something is wrong.

    Returns:
        An ``Explanation``: printed it is text of 80 columns, in a notebook a list. ``ok`` says whether
        nothing is wrong.

    Raises:
        InvalidValueError: *status* or *request* cannot be.

    Example:
        >>> print(explain('{"code": "40103", "message": "Invalid ConsumerJWS"}', status=401))
        LivePerson refused this: 401. This is the service's answer.
        - refused: 401, 40103: The ConsumerJWS is invalid, or the conversation belongs
          to another consumer.
        <BLANKLINE>
        Check the consumer id, and get a new ConsumerJWS for it from the IDP; lpnb gets
        its own.

    Source: Send API, CONVERSATION; Connector API, Authorization and Authentication.
    """
    if status is not None and (not isinstance(status, int) or not 100 <= status <= 599):
        sentence = f"status must be an HTTP status from 100 to 599; got {brief(status)}."
        raise InvalidValueError([Complaint("status", sentence)])
    parsed = _with_code(read_request(text), text)
    requests = [parsed, *parsed.more]
    if _FROM_ELSEWHERE.search(text):
        requests = [replace(one, missing=()) for one in requests]
    if request is not None and not (isinstance(request, int) and 1 <= request <= len(requests)):
        sentence = f"request must be a number from 1 to {len(requests)}; got {brief(request)}."
        raise InvalidValueError([Complaint("request", sentence)])
    if request is not None:
        return explanation_of(requests, request - 1, status)
    wrong: Explanation | None = None
    for place in range(len(requests)):
        explanation = explanation_of(requests, place, status)
        if any(not finding.path for finding in explanation.findings):  # that it was refused
            return explanation
        wrong = wrong or (explanation if explanation.findings else None)
    return wrong or explanation_of(requests, 0, status)


def _with_code(parsed: ParsedRequest, text: str) -> ParsedRequest:
    """What was read, with a code of a refusal that the text names beside its 401 and not in JSON."""
    body = parsed.reply.body if parsed.reply is not None else None
    if parsed.kind not in ("log", "nothing") or parsed.more or len(text) > _CODES_LOOKED_AT:
        return parsed
    if (body and _CODE.search(body)) or not re.search(r"(?<![\w.])401(?![\w.])", text):
        return parsed
    if (code := _CODE.search(text)) is None:
        return parsed
    complaints = () if parsed.kind == "nothing" else parsed.complaints
    reply = RecordedReply(401, f'{{"errorCode": {code[0]}}}')
    return replace(parsed, kind="log", complaints=complaints, reply=reply)


def explanation_of(
    requests: Sequence[ParsedRequest], place: int = 0, status: int | None = None
) -> Explanation:
    """What ``explain`` says of one of the *requests* that were read from a text, the one at *place*."""
    parsed = requests[place]
    reply = parsed.reply
    if status is not None:
        reply = RecordedReply(status, reply.body if reply else None)
    tokens = [_Token(token, parsed.account_id) for token in parsed.tokens]
    findings = _body_findings(parsed, reply)
    if parsed.kind == "nothing" and status is not None:
        findings = []
    # A token that has ended since was good when something else than 401 came back.
    is_answered = reply is not None and reply.status not in (None, 401)
    token_findings = [finding for token in tokens for finding in token.findings(is_answered=is_answered)]
    call_findings = _call_findings(parsed)
    # When the call was refused, only what has the status that came can be the cause.
    causes = [one for one in call_findings if reply is None or reply.status in (None, one.status)]
    findings = [*causes, *findings]
    answer = ""
    reply_findings: list[Finding] = []
    if reply is not None:
        answer, reply_findings = _answer(parsed, reply, any(finding.effect for finding in findings))
        findings = [_with_reply(one, reply_findings, is_proved=bool(reply.body)) for one in findings]
        findings.sort(key=lambda finding: finding.effect != "refused")
    missing_tokens = [_MISSING[name] for name in parsed.missing if name in _HEADERS]
    if reply is None or 401 in (reply.status, *(one.status for one in reply_findings)):
        token_findings += missing_tokens
        missing_tokens = []
    notes = [note for note in parsed.notes if not note.startswith("The request ids")]
    if any(complaint.path in _HEADERS for complaint in parsed.complaints):
        notes.append("The tokens of the text are not kept: lpnb gets its own.")
    if len(requests) > 1:
        notes.append(f"The text has {len(requests)} requests; this is about number {place + 1} of them.")
    # What is wrong with the request is the cause; that it was refused is what followed.
    cautions = [finding for finding in findings if reply_findings and finding.effect == "accepted, but"]
    findings = [finding for finding in findings if finding not in cautions]
    # What else is wrong with the call is said all the same, unless the call was taken.
    others = [*missing_tokens, *(one for one in call_findings if one not in causes)]
    if reply_findings and not 200 <= (reply_findings[0].status or 0) < 300:
        cautions = [*(_beside(one) for one in others), *cautions]
    every = [*findings, *reply_findings, *token_findings, *cautions]
    if reply is not None and reply.status == 401:
        every = [*reply_findings, *token_findings, *findings, *cautions]
        causes = [one for one in every if one.status == 401 and one not in reply_findings]
        if causes and reply_findings and reply_findings[0].sentence.startswith("401: "):  # it names no code
            every = [*causes, *(one for one in every if one not in causes)]
            answer = _expected_answer(causes)
    elif reply is None:  # tokens are looked at first, and what is certain comes first
        every = [*token_findings, *findings]
        every.sort(key=lambda finding: (finding.effect != "refused", finding.path not in _FIRST))
        if parsed.frames is not None or any(finding.effect for finding in every):
            answer = _expected_answer(every)
    return Explanation(
        parsed.kind,
        _description(parsed, reply),
        tuple(every),
        answer,
        tuple(notes),
        tuple(token.sentence() for token in tokens),
        _verdict(every, reply, reply_findings),
    )


def _body_findings(parsed: ParsedRequest, reply: RecordedReply | None) -> list[Finding]:
    """What is wrong with the frames of a request, whose *reply* may have come already."""
    is_body = parsed.kind not in ("frames", "log")
    findings = [_finding(one, is_body) for one in parsed.complaints if one.path not in _HEADERS]
    findings += _envelope_findings(parsed)
    findings += _odd_values(parsed, {finding.path for finding in findings})
    findings += _odd_formats(parsed, {finding.path for finding in findings})
    if _are_swapped(parsed.frames):
        findings = [one for one in findings if one.path not in ("[0].type", "[1].type")]
        findings.insert(0, Finding("frames", _SWAPPED, "refused"))
    elif reply is None or not 200 <= (reply.status or 0) < 300:
        brand = list(_brand_findings(parsed, reply))
        findings = [*(one for one in findings if not brand or one.path != brand[0].path), *brand]
    return findings


_SWAPPED = f"The two frames are in the wrong order: {SET_USER_PROFILE} comes first."


def _are_swapped(frames: Any) -> bool:
    first = frames[:2] if isinstance(frames, list) else []
    types = [frame.get("type") for frame in first if isinstance(frame, Mapping)]
    return types == [REQUEST_CONVERSATION, SET_USER_PROFILE]


#: What follows from a fault of the call itself. That JSON must be named and a version given is documented,
#: that a call without them is refused is not.
_OF_CALL: Mapping[str, tuple[Effect, int]] = {
    "address": ("refused", 404),
    "method": ("refused", 405),
    "v": ("refused", 400),
    "Content-Type": ("may be refused", 415),
}


def _call_findings(parsed: ParsedRequest) -> list[Finding]:
    """What is wrong with the call itself, besides its tokens."""
    findings = [_MISSING[name] for name in parsed.missing if name not in _HEADERS]
    return findings + [Finding(one.path, one.sentence, *_OF_CALL[one.path]) for one in parsed.call_complaints]


def _beside(finding: Finding) -> Finding:
    """What is wrong with a call that was answered with another status than it leads to."""
    return replace(finding, sentence=f"{finding.sentence} That is hardly what the answer is about.")


#: What the service looks at before the tokens.
_FIRST = ("address", "method", "v")
_MISSING = {
    name: Finding(
        name,
        f"401, {code}: the header {name} with the {_TOKEN_NAMES[name]} is missing.",
        "refused",
        401,
    )
    for name, code in (("Authorization", "40105"), ("X-LP-ON-BEHALF", "40104"))
} | {
    "v": Finding("v", "The address has no ?v=3, which is the version.", "may be refused", 400),
    "Content-Type": Finding(
        "Content-Type", "The header Content-Type: application/json is missing.", "may be refused", 415
    ),
}


def _finding(complaint: Complaint, is_body: bool) -> Finding:
    """A complaint with what follows from it: a refusal is certain where a mandatory part is missing.

    With *is_body* the frames are what is sent, as it is written, and no copy that a log or a person made.
    """
    path, sentence = complaint.path, complaint.sentence.removesuffix(KEEP_UNKNOWN)
    effect: Effect = "may be refused"
    if complaint.kind == "own limit":
        sentence = sentence.replace("frames are not JSON:", "frames are JSON that lpnb does not read:")
    elif path == "text" or complaint.kind == "incomplete":
        effect = ""
    elif _ENVELOPE.fullmatch(path) and (complaint.kind != "read anyway" or (is_body and path == "frames")):
        effect = "refused"
    return Finding(path, sentence, effect)


def _with_reply(finding: Finding, reply_findings: list[Finding], *, is_proved: bool) -> Finding:
    """A finding about a request whose answer is known: what was taken is not refused."""
    if not reply_findings:
        return replace(finding, effect="accepted, but") if is_proved and finding.effect else finding
    is_cause = (
        reply_findings[0].status in (400, finding.status) or "BAD_REQUEST" in reply_findings[0].sentence
    )
    if finding.effect == "may be refused" and reply_findings[0].effect == "refused" and is_cause:
        return replace(finding, effect="probable cause")
    return finding


def _verdict(findings: list[Finding], reply: RecordedReply | None, reply_findings: list[Finding]) -> str:
    """One sentence on whether the service refuses it; findings of a request that was answered are past."""
    effects = {finding.effect for finding in findings}
    if reply_findings and reply_findings[0].effect == "not known":
        return "It is not known whether LivePerson opened a conversation."
    if reply_findings:
        if "of a proxy or a gateway" in reply_findings[0].sentence:
            return f"A proxy or a gateway refused this: {reply_findings[0].status}."
        is_error = (reply_findings[0].status or 0) >= 300
        return (
            f"LivePerson refused this: {reply_findings[0].status}."
            if is_error
            else "LivePerson refused this."
        )
    if reply is None and "refused" in effects:
        certain = {one.path: one.status for one in findings if one.effect == "refused"}
        first = next((certain[path] for path in _FIRST if path in certain), None)
        status = first or (401 if 401 in certain.values() else 400)
        return f"LivePerson refuses this: {status}, and nothing is created."
    if effects & {"refused", "may be refused"}:
        status = next((one.status for one in findings if one.effect == "may be refused"), None) or 400
        return f"This may pass, or be refused with {status}: LivePerson's pages do not say which."
    return "LivePerson takes this, but it may not be what you mean." if "accepted, but" in effects else ""


def _envelope_findings(parsed: ParsedRequest) -> Iterator[Finding]:
    """What is wrong with the frames' ids, which lpnb replaces, and with frames after the second."""
    if not isinstance(parsed.frames, list):
        return
    earlier_ids: set[str] = set()
    for place, frame in enumerate(parsed.frames[:3]):
        if not isinstance(frame, Mapping):
            continue
        path, name = f"[{place}].id", frame.get("id")
        text = str(name) if isinstance(name, str | int | float) and not isinstance(name, bool) else ""
        if not 1 <= len(text) <= 64:
            id_text = brief(name) if "id" in frame else "nothing"
            yield Finding(path, f"{path} must be text of 1 to 64 characters; got {id_text}.", "refused")
        elif text in earlier_ids and placeholder_in(text) is None:
            sentence = f"{path} is {brief(name)}, as another frame's is: each needs an id of its own."
            yield Finding(path, sentence, "refused")
        earlier_ids.add(text)
        body = frame.get("body")
        if place == 2 and frame.get("type") != PUBLISH_EVENT:
            yield Finding("[2].type", f"[2].type must be {PUBLISH_EVENT!r}, if anything.", "may be refused")
        elif place == 2 and isinstance(body, Mapping) and "dialogId" in body:
            sentence = "[2].body.dialogId must be left out: the conversation is only opening."
            yield Finding("[2].body.dialogId", sentence, "may be refused")
    if len(parsed.frames) > 3:
        sentence = f"frames are {len(parsed.frames)}; the pages have two, older ones a first message as well."
        yield Finding("frames", sentence, "may be refused")


def _brand_findings(parsed: ParsedRequest, reply: RecordedReply | None) -> Iterator[Finding]:
    """What the account of the second frame gets: 40001 without one."""
    if not isinstance(parsed.frames, list) or len(parsed.frames) < 2:
        return
    frame = parsed.frames[1]
    if not isinstance(frame, Mapping) or frame.get("type") != REQUEST_CONVERSATION:
        return
    body = frame.get("body")
    path = "[1].body.brandId"
    if not isinstance(body, Mapping) or any(note.startswith(path) for note in parsed.notes):
        return
    if body.get("skillId") == "":
        sentence = "[1].body.skillId is empty. Leave it out, or name a skill by its id."
        yield Finding("[1].body.skillId", sentence, "may be refused")
    if not isinstance(body.get("metadata"), list | None):
        sentence = f"[1].body.metadata must be a list; got {brief(body['metadata'])}."
        yield Finding("[1].body.metadata", sentence, "may be refused")
    brand = body.get("brandId")
    if brand in (None, ""):
        effect: Effect = "refused" if reply is None or reply.status == 401 else "may be refused"
        yield Finding(path, f"401, 40001: {path} is missing; lpnb fills in the account.", effect, 401)
    elif isinstance(brand, str) and parsed.account_id and foreign_brand(brand, parsed.account_id):
        sentence = f"{path} is {brief(brand)}, the URL says {brief(parsed.account_id)}."
        yield Finding(path, sentence, "may be refused")


def _odd_values(parsed: ParsedRequest, finding_paths: set[str]) -> Iterator[Finding]:
    """Values that can hardly be meant as they stand, such as a skill's name where its id belongs."""
    for number, frame in enumerate(parsed.frames if isinstance(parsed.frames, list) else ()):
        if isinstance(frame, Mapping):
            body = frame.get("body")
            for path, sentence in odd_texts(body, f"[{number}].body"):
                if path not in finding_paths:
                    # The profile's values are free texts; what becomes of an id that is none is not said.
                    effect: Effect = "accepted, but" if number == 0 else "may be refused"
                    yield Finding(path, f"{path}: {sentence}", effect)
            if number == 1 and isinstance(body, Mapping):
                yield from _number_findings(body)
            campaign = body.get("campaignInfo") if isinstance(body, Mapping) else None
            if isinstance(campaign, Mapping) and campaign.get("campaignId"):
                path = f"[{number}].body.campaignInfo"
                if not campaign.get("engagementId") and f"{path}.engagementId" not in finding_paths:
                    yield Finding(
                        path,
                        f"{path}: campaignId and engagementId belong together; without its engagement a "
                        "campaign routes nothing.",
                        "accepted, but",
                    )


def _number_findings(body: Mapping[str, Any]) -> Iterator[Finding]:
    """Ids that are numbers, where the page has texts; clients that send numbers have been seen."""
    campaign = body.get("campaignInfo")
    members_by_id = {"skillId": body} | (
        dict.fromkeys(("campaignId", "engagementId"), campaign) if isinstance(campaign, Mapping) else {}
    )
    for name, members in members_by_id.items():
        value = members.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            path = f"[1].body.{name}" if name == "skillId" else f"[1].body.campaignInfo.{name}"
            sentence = (
                f"{path} is the number {value}; LivePerson's page has text, though some clients send numbers."
            )
            yield Finding(path, sentence, "accepted, but")


def _odd_formats(parsed: ParsedRequest, finding_paths: set[str]) -> Iterator[Finding]:
    """What advice says of languages and codes, in what is right beside it."""
    if not isinstance(parsed.frames, list):
        return
    try:
        batch = ConversationBatch.from_wire(
            without(parsed.frames, "", finding_paths), unknown="keep", keep_ids=False
        )
    except InvalidValueError:
        return
    for hint in advise(batch):
        if hint.path.rpartition(".")[2] in _FORMATS and hint.path not in finding_paths:
            effect: Effect = "may be refused" if hint.path.startswith("[1]") else "accepted, but"
            yield Finding(hint.path, f"{hint.path}: {hint.text}", effect)


def _description(parsed: ParsedRequest, reply: RecordedReply | None) -> str:
    name = KIND_NAMES[parsed.kind]
    if parsed.kind == "frames":
        return "These are the frames of a request" + (", with the answer to them." if reply else ".")
    if parsed.kind == "nothing" and reply is not None:
        return f"This is a status alone: {reply.status}."
    if parsed.kind == "log":
        parts = ["a request"] if parsed.frames is not None else []
        parts += ["the service's answer"] if reply is not None else []
        return f"This is a log with {' and '.join(parts)}."
    if parsed.frames is not None and reply is not None:
        return f"This is {name}, with the answer to it."
    return f"This is {name}."


def _expected_answer(findings: list[Finding]) -> str:
    if findings and all(finding.effect == "accepted, but" for finding in findings):
        return "It is taken as it stands; change what is named if it is not what you mean."
    if sum(finding.sentence.endswith("belongs there.") for finding in findings) == 2:
        return "Exchange the values of the two headers, and send it again."
    if findings and findings[0].path in _HEADERS:
        return "Tokens are looked at first: get fresh ones, or let lpnb send it, which gets its own."
    if findings:
        return "Correct what is named above, and send it again."
    return "Expect 200 with OK for both frames, as long as the consumer has no open conversation."


def _advice_of(message: str) -> str:
    """What to do about a 400 without its request: the field that the message names, and which is meant."""
    match = _FIELD.search(message)
    if match is None:
        return "Give the request as well, and the field is named."
    place = next((path for path in REQUEST_PATHS if path.endswith(f".{match[1]}")), None)
    if place is not None:
        return f"Look at the field {match[1]}, whose place is {place}. Give the request as well, to see more."
    hint = meant_path(match[1], REQUEST_PATHS)
    return f"{match[1]} is not a documented field.{hint} Give the request as well, to see more."


def _answer(parsed: ParsedRequest, reply: RecordedReply, has_cause: bool) -> tuple[str, list[Finding]]:
    """What to do about a reply, and what is wrong by it."""
    requests = _ids_and_types(parsed, reply)
    reading = read_batch((reply.body or "").encode("utf-8"), requests)
    status = (
        reply.status
        if reply.status is not None
        else _status_in_body(reply.body, all(pair.ok for pair in reading.pairs) and bool(reading.says))
    )
    if reply.body and reply.body.lstrip().startswith("<") and status is not None and status >= 400:
        whose = f"{status}: This is a page of a proxy or a gateway; LivePerson answers in JSON."
        if status >= 500 and (meaning := status_meaning(status)) is not None:
            return meaning[1], [Finding("", f"{whose} {meaning[0]}", "not known", status)]
        page_sentence = f"{whose} The request may not have come any further."
        return _PAGE_ADVICE, [Finding("", page_sentence, "refused", status)]
    code = next((pair.code for pair in reading.pairs if pair.code in MEANINGS), _error_code(reply.body))
    if code is not None:
        number = f"{status}, " if status not in (None, 200) else "401, "
        code_status = status if status not in (None, 200) else 401
        return CODE_ADVICE[code], [Finding("", f"{number}{code}: {MEANINGS[code]}", "refused", code_status)]
    is_open_already = "already has open conversation" in (reply.body or "")
    if status is not None and (status >= 400 or status < 200) and not is_open_already:
        meaning = status_meaning(status)
        refusals = [pair for pair in reading.pairs if not pair.ok and pair.message] if reply.body else []
        message = refusals[0].message if refusals else None
        other = "This is no final answer." if status < 200 else "The service refused the call."
        sentence = f"{status}: {meaning[0] if meaning else other}"
        if message and reading.anomaly is None:
            sentence += f" It said: {brief(message, 300)}"
        advice = meaning[1] if meaning else ""
        if status == 400:
            advice = (
                "Correct what is named above, and send it again: of several, LivePerson does not say which "
                "it was."
                if has_cause
                else _advice_of(message or "")
                if parsed.frames is None
                else "No rule of the documentation is broken; look at what the service said."
            )
        is_open = meaning == UNKNOWN_MEANING or status < 200
        return advice, [Finding("", sentence, "not known" if is_open else "refused", status)]
    if status is not None and 200 <= status < 300 and not reply.body:
        return f"The service answered with {status}. What became of each frame stands in its body.", []
    outcome = _outcome(reading.says, [pair.ok for pair in reading.pairs])
    failure = (
        None
        if status or reading.says or not reply.body
        else "the answer does not say what became of the conversation"
    )
    sentence = explain_outcome(reading, outcome, status, failure)
    response = BatchResponse("", outcome, reading.pairs, sentence)
    if response.ok:
        return sentence, []
    first, stop, rest = sentence.partition(". ")
    number = f"{status}: " if status is not None else ""
    effect: Effect = "not known" if outcome == "unknown" else "refused"
    return rest if stop else "", [Finding("", f"{number}{first}{'.' if stop else ''}", effect, status)]


_PAGE_ADVICE = "Check the address and the way there: lpnb doctor shows hosts, proxy and authorities."


def _status_in_body(body: str | None, was_taken: bool) -> int | None:
    """The status of an answer that came without its own: as its code says, or 200."""
    value = json_in(body or "")
    code = value.get("code") if isinstance(value, Mapping) else None
    code = _STATUS_WORDS.get(code) if isinstance(code, str) else code
    return code if isinstance(code, int) and 200 <= code <= 599 else 200 if was_taken else None


_STATUS_WORDS = {
    "BAD_REQUEST": 400, "UNAUTHORIZED": 401, "FORBIDDEN": 403, "NOT_FOUND": 404, "TOO_MANY_REQUESTS": 429,
    "INTERNAL_SERVER_ERROR": 500,
}  # fmt: skip


def _error_code(body: str | None) -> str | None:
    """The errorCode of an authorisation frame that names a request as well."""
    value = json_in(body or "")
    for element in value if isinstance(value, list) else [value]:
        inner = element.get("body") if isinstance(element, Mapping) else None
        for source in (inner, element):
            if isinstance(source, Mapping) and str(source.get("errorCode")) in MEANINGS:
                return str(source["errorCode"])
    return None


def _outcome(says: str, ok: list[bool]) -> Outcome:
    if says == "created" or (says == "settled" and all(ok)):
        return "answered"
    return "refused" if says == "refused" else "unknown"


def _ids_and_types(parsed: ParsedRequest, reply: RecordedReply) -> list[tuple[str, str]]:
    """The (id, type) of each frame: of the request where it is there, otherwise as the reply lets guess."""
    if isinstance(parsed.frames, list):
        frames = [frame for frame in parsed.frames if isinstance(frame, Mapping)]
        return [(str(frame.get("id", "")), str(frame.get("type", ""))) for frame in frames]
    value = json_in(reply.body or "")
    elements = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, Mapping)]
    return [
        (
            str(one.get("reqId", place)),
            REQUEST_CONVERSATION if _is_of_conversation(one) or place == 1 else SET_USER_PROFILE,
        )
        for place, one in enumerate(elements)
    ] or [("", REQUEST_CONVERSATION)]


def _is_of_conversation(element: Mapping[str, Any]) -> bool:
    body = element.get("body")
    if isinstance(body, Mapping) and "conversationId" in body:
        return True
    return "conversation" in str(body).lower()


class _Token:
    """The claims of one token of the text, held against its place and the URL."""

    def __init__(self, token: RecordedToken, account_id: str | None) -> None:
        self.header = token.header
        self.claims = token.claims
        self.is_broken = token.is_broken
        self.name = _TOKEN_NAMES[token.header]
        self.account_id = account_id
        end = token.claims.get("exp")
        is_time = isinstance(end, int | float) and 0 < end < 2e10
        self.end = (
            datetime.fromtimestamp(float(end), UTC) if is_time and isinstance(end, int | float) else None
        )
        account = token.claims.get("aud") or token.claims.get("account_id")
        self.account = account if isinstance(account, str) else None

    def findings(self, *, is_answered: bool) -> list[Finding]:
        """What is wrong with it: it has ended, is another account's, or stands in the other's header."""
        return [Finding(self.header, sentence, "refused", 401) for sentence in self._problems(is_answered)]

    def _problems(self, is_answered: bool) -> Iterator[str]:
        consumer = "ext_consumer_id" in self.claims
        if self.is_broken:
            yield f"{self.header}: the {self.name} cannot be decoded: it was changed or cut off."
        if self.header == "Authorization" and consumer:
            yield "Authorization has a ConsumerJWS in it; the AppJWT belongs there."
        if self.header == "X-LP-ON-BEHALF" and "scope" in self.claims and not consumer:
            yield "X-LP-ON-BEHALF has an AppJWT in it; the ConsumerJWS belongs there."
        if self.end is not None and self.end < datetime.now(UTC) and not is_answered:
            yield f"{self.header}: the {self.name} ended on {self.end:%Y-%m-%d at %H:%M} UTC."
        if self.account and self.account_id and self.account != self.account_id:
            yield (
                f"{self.header}: the {self.name} is of account {brief(self.account)}, the URL says "
                f"{brief(self.account_id)}."
            )

    def sentence(self) -> str:
        """What it says of itself."""
        if not self.claims:
            return f"{self.name} ({self.header}): it cannot be decoded, or says nothing."
        parts = [f"for account {brief(self.account)}"] if self.account else []
        if isinstance(consumer := self.claims.get("ext_consumer_id"), str):
            parts.append(f"for the consumer {brief(consumer)}")
        if isinstance(scope := self.claims.get("scope"), str):
            parts.append(f"with the scope {brief(scope)}")
        if self.end is not None:
            verb = "ended" if self.end < datetime.now(UTC) else "ends"
            parts.append(f"{verb} on {self.end:%Y-%m-%d at %H:%M} UTC")
        return f"{self.name} ({self.header}): {', '.join(parts) or 'it says neither account nor end'}."
