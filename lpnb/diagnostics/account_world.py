"""``account_world``: skills, campaigns and engagements of an account, as a world file for the sandbox.

What is known comes from history, Monitoring's answers, journals of runs and recordings. What is not known is
left out, with a comment that says so.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lpnb._internal import event_loop
from lpnb._internal.json_codec import JsonError, clean, json_in, read_json
from lpnb._internal.private_files import write_private
from lpnb.api.history import LANDING_CONTENT, HistoryRecord, by_filters
from lpnb.client.client_base import check_client
from lpnb.errors import Complaint, InvalidValueError
from lpnb.journal.reader import Reader, explain_damage, read_journal
from lpnb.settings import Settings

if TYPE_CHECKING:
    from lpnb.client import AsyncClient, Client

#: The source that is no file: the account's own history.
HISTORY = "history"
_CONTENT = (*LANDING_CONTENT, "campaign", "sdes")
# What beside an engagement may decide where a conversation lands, as the columns of a run have it.
_OTHER_WAYS = ("skillId", "ctmrinfo.ctype", "ctmrinfo.companyBranch")
_SQLITE = b"SQLite format 3\0"
_MAX_NAME, _MAX_DAYS = 128, 93


@dataclass(slots=True)
class _EngagementFacts:
    """What is known of one engagement."""

    campaigns: Counter[str] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)
    #: Skills by conversation; where a conversation has no id, by a number.
    landings: dict[str, str] = field(default_factory=dict)
    revision: int | None = None
    language: str | None = None


class _AccountFacts:
    """What the sources say, gathered."""

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self.skills: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.campaigns: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.engagements: defaultdict[str, _EngagementFacts] = defaultdict(_EngagementFacts)
        self.connectors: Counter[str] = Counter()
        #: Conversations that named something else that may have decided where they landed.
        self.other_ways: set[str] = set()

    def add_record(self, record: HistoryRecord) -> None:
        """Take in a conversation of history."""
        for skill_id, skill_name in record.skill_names.items():
            self._name_skill(skill_id, skill_name)
        moves = record.transfers
        first = moves[0].source_skill_id if moves else record.latest_skill_id
        self._name_skill(first, None)
        raw = record.raw.get("campaign")
        campaign = raw if isinstance(raw, Mapping) else {}
        campaign_id = _id(campaign.get("campaignId"))
        engagement_id = _id(campaign.get("campaignEngagementId"))
        if campaign_id and (name := _text(campaign.get("campaignName"))):
            self.campaigns[campaign_id][name] += 1
        self._add_landing(
            campaign_id,
            engagement_id,
            first,
            _text(campaign.get("campaignEngagementName")),
            record.conversation_id,
            other_way=_is_in_customer_info(record.raw.get("sdes")),
        )

    def add_request(self, frames: Any, reply: Any) -> None:
        """Take in a CONVERSATION request of a recording, and its reply: what else it named."""
        profile, conversation = frames[0]["body"], frames[1]["body"]
        sdes = (profile.get("authenticatedData") or {}).get("lp_sdes") or []
        infos = [item.get("info") or {} for item in sdes if item.get("type") == "ctmrinfo"]
        values = {"skillId": conversation.get("skillId")}
        values |= {f"ctmrinfo.{name}": value for info in infos for name, value in info.items()}
        if _names_another_way(values):
            self.other_ways.add(str(reply[1]["body"]["conversationId"]))

    def add_details(self, details: Mapping[str, Any]) -> None:
        """Take in an element of Monitoring's engagementDetails."""
        campaign_id, engagement_id = _id(details.get("campaignId")), _id(details.get("engagementId"))
        self._add_landing(campaign_id, engagement_id, None, None)
        if (connector := _id(details.get("connectorId"))) is not None:
            self.connectors[connector] += 1
        if engagement_id is not None:
            facts = self.engagements[engagement_id]
            revision = details.get("engagementRevision")
            facts.revision = revision if type(revision) is int else facts.revision
            facts.language = _text(details.get("language")) or facts.language

    def add_journal(self, reader: Reader) -> None:
        """Take in a run: what its cases said, what Monitoring offered, and where they landed."""
        landings = reader.step_outcomes()
        for case in reader.cases():
            case_values, landing = json.loads(case.said), landings.get(case.number, {})
            campaign_id = _id(case_values.get("campaignInfo.campaignId") or landing.get("campaign_id"))
            engagement_id = _id(case_values.get("campaignInfo.engagementId") or landing.get("engagement_id"))
            skill_id = _id(landing.get("skill_id"))
            self._name_skill(skill_id, landing.get("skill_name"))
            other_way = _names_another_way(case_values)
            self._add_landing(
                campaign_id, engagement_id, skill_id, None, case.conversation_id, other_way=other_way
            )

    def _name_skill(self, value: object, name: object) -> None:
        if (skill_id := _id(value)) is not None:
            self.skills[skill_id].update([text] if (text := _text(name)) else ())

    def _add_landing(
        self,
        campaign_id: str | None,
        engagement_id: str | None,
        skill_id: str | None,
        name: str | None,
        conversation_id: str | None = None,
        *,
        other_way: bool = False,
    ) -> None:
        if campaign_id is not None:
            self.campaigns[campaign_id].update(())
        if engagement_id is None:
            return
        facts = self.engagements[engagement_id]
        facts.campaigns.update([campaign_id] if campaign_id else ())
        facts.names.update([name] if name else ())
        if skill_id and _id(skill_id):
            key = conversation_id or f"{engagement_id} number {len(facts.landings)}"
            facts.landings.setdefault(key, skill_id)
            self.other_ways.update([key] if other_way else ())

    def to_toml(self, settings: Settings) -> str:
        """The world file."""
        template = Path(__file__).with_name("account_world_head.txt").read_text(encoding="utf-8")
        head = template.format(account=settings.account_id, client=_toml_string(settings.client_id))
        lines = [head.rstrip("\n")]
        if self.connectors:
            lines.append(f'connector_id = "{self.connectors.most_common(1)[0][0]}"')
        for kind, names_by_id in (("skills", self.skills), ("campaigns", self.campaigns)):
            for item_id, names in sorted(names_by_id.items()):
                lines += _item_lines(kind, item_id, names)
        for engagement_id, facts in sorted(self.engagements.items()):
            lines += self._engagement(engagement_id, facts)
        return "\n".join(lines) + "\n"

    def _engagement(self, engagement_id: str, facts: _EngagementFacts) -> Iterator[str]:
        campaign = facts.campaigns.most_common(1)[0][0] if facts.campaigns else None
        missing = []
        if campaign is None:
            missing.append("its campaign")
        elif not self.campaigns[campaign]:
            missing.append("its campaign's name")
        if not facts.names:
            missing.append("its name")
        skills = Counter(skill for key, skill in facts.landings.items() if key not in self.other_ways)
        skills_text = ", ".join(f"{skill} ({number})" for skill, number in skills.most_common())
        others = len(facts.landings) - skills.total()
        note = (
            f" {others} more named a skill, a ctype or a companyBranch as well, which may have decided."
            if others
            else ""
        )
        if not skills:
            missing.append("its skill")
        elif len(skills) > 1:
            missing.append("which skill it holds")
        elif not self.skills[next(iter(skills))]:
            missing.append("its skill's name")
        yield ""
        if missing:
            landings = f" Its conversations landed in {skills_text}." if skills_text else ""
            place = f" of campaign {campaign}" if campaign else ""
            unknown = ", ".join(missing)
            yield f"# Engagement {engagement_id}{place} is left out. Not known: {unknown}.{landings}{note}"
            return
        yield f"# {skills.total()} of its conversations are known; all landed in this skill.{note}"
        yield "[[accounts.engagements]]"
        yield f'id = "{engagement_id}"'
        yield f'campaign = "{campaign}"'
        yield f"name = {_toml_string(facts.names.most_common(1)[0][0])}"
        yield f'skill = "{next(iter(skills))}"'
        if facts.revision is not None:
            yield f"revision = {facts.revision}"
        if facts.language is not None:
            yield f"language = {_toml_string(facts.language)}"


def account_world(
    client: Client | AsyncClient,
    *sources: str | Path,
    days: int = 30,
    most: int = 500,
    out: str | Path | None = None,
) -> str:
    """The skills, campaigns and engagements of an account, as far as they are known, as a world file.

    An engagement's skill is the one that its conversations landed in, where that is always the same, and
    where they named no skill, ctype or companyBranch beside it. Nothing is invented: what is not known is
    left out, and a comment says so. No agent, consumer or secret is in it.

    Args:
        client: Of the account. It is asked for history only when that is a source.
        sources: Each the path of a run's journal, of a recording (HAR) or of a reply of history kept as JSON;
            or "history", the account's own.
        days: How many days back history is searched, 93 at most.
        most: How many conversations of history are read.
        out: A file to write it to, for ``lpnb sandbox --world FILE``.

    Returns:
        The file's text (TOML).

    Raises:
        InvalidValueError: A source is none of these, or of another account.
        JournalError: A journal is damaged.
        CredentialsError: History may not be read.
        OSError: A source cannot be read, or *out* cannot be written.

    Example:
        >>> from lpnb import Client, Sandbox, Settings
        >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        ...     _ = client.create_conversation("consumer-1", skill_id="2741903011")
        ...     print(account_world(client, "history").partition("[[accounts.skills]]")[2].strip())
        id = "2741903011"
        name = "Cards & Payments"
    """
    check_client(client)
    facts = _AccountFacts(client.settings.account_id)
    complaints: list[Complaint] = []
    for name, value, limit in (("days", days, _MAX_DAYS), ("most", most, 100_000)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= limit:
            complaints.append(Complaint(name, f"{name} must be from 1 to {limit:,}; got {value!r}."))
    if not sources:
        complaints.append(Complaint("sources", 'Name a run\'s journal, a recording, a reply, or "history".'))
    paths = [Path(source) for source in sources if str(source) != HISTORY]
    readers = [_reader_of(path, facts, complaints) for path in paths]
    if out is not None and any(Path(out).resolve() == Path(source).resolve() for source in map(str, sources)):
        complaints.append(Complaint("out", f"out would write over {str(out)!r}. Name another file."))
    if complaints:
        raise InvalidValueError(complaints)
    for read in readers:
        read()
    if any(str(source) == HISTORY for source in sources):
        now = datetime.now(UTC)
        search = by_filters(now - timedelta(days=days), now, content=_CONTENT, limit=100)
        for record in event_loop.wait(client.engine.history_search(search, most)):
            facts.add_record(record)
    text = facts.to_toml(client.settings)
    if out is not None:
        write_private(Path(out), text.encode("utf-8"))
    return text


def _reader_of(path: Path, facts: _AccountFacts, complaints: list[Complaint]) -> Any:
    """What takes in the file at *path*; a complaint where it is no source, or of another account."""
    with path.open("rb") as file:
        is_journal = file.read(len(_SQLITE)) == _SQLITE
    if is_journal:
        reader = read_journal(path)
        if str(reader.about.get("account_id")) != facts.account_id:
            complaints.append(Complaint("sources", f"{path} is of account {reader.about.get('account_id')}."))

        def read_run() -> None:
            with explain_damage(path):
                facts.add_journal(reader)

        return read_run
    value = json_in(path.read_bytes())
    log = value.get("log") if isinstance(value, Mapping) else None
    replies = list(_replies(log)) if isinstance(log, Mapping) else [("", None, value)]
    others = {
        account for url, _, _ in replies if (account := _account_in(url)) not in (None, facts.account_id)
    }
    if others:
        complaints.append(
            Complaint("sources", f"{path} is of account {', '.join(sorted(map(str, others)))}.")
        )
    elif not isinstance(log, Mapping) and not list(_records(value)):
        sentence = f"{path} is no run's journal, no recording (HAR) and no reply of history."
        complaints.append(Complaint("sources", sentence))

    def read_replies() -> None:
        for _, request, reply in replies:
            with suppress(KeyError, IndexError, TypeError, AttributeError):  # no CONVERSATION, or refused
                facts.add_request(request, reply)
            for record in _records(reply):
                facts.add_record(HistoryRecord(record))
            details = reply.get("engagementDetails") if isinstance(reply, Mapping) else None
            for item in details if isinstance(details, list) else [details]:
                if isinstance(item, Mapping):
                    facts.add_details(item)

    return read_replies


def _names_another_way(values: Mapping[str, Any]) -> bool:
    return any(values.get(name) not in (None, "", "-1", -1) for name in _OTHER_WAYS)


def _is_in_customer_info(sdes: Any) -> bool:
    """Whether the SDEs of a history record have a field that a rule can map to a skill."""
    events = sdes.get("events") if isinstance(sdes, Mapping) else None
    for event in events if isinstance(events, list) else ():
        with suppress(KeyError, TypeError, AttributeError):
            info = event["customerInfo"]["customerInfo"]
            if info.get("customerType") or info.get("companyBranch"):
                return True
    return False


def _replies(log: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """URL, the request's JSON or None, and the reply's JSON of every exchange in a recording."""
    entries = log.get("entries")
    for entry in entries if isinstance(entries, list) else ():
        try:
            text = entry["response"]["content"]["text"]
            reply = read_json(text.encode("utf-8", "replace"))
            request = None
            with suppress(KeyError, TypeError, AttributeError, JsonError, RecursionError):
                request = read_json(entry["request"]["postData"]["text"].encode("utf-8", "replace"))
            yield str(entry["request"]["url"]), request, reply
        except (KeyError, TypeError, AttributeError, JsonError, RecursionError):
            continue


def _records(reply: Any) -> Iterator[Mapping[str, Any]]:
    items = reply.get("conversationHistoryRecords") if isinstance(reply, Mapping) else reply
    for item in items if isinstance(items, list) else ():
        if isinstance(item, Mapping) and isinstance(item.get("info"), Mapping):
            yield item


def _account_in(url: str) -> str | None:
    """The account that a URL's path names, or None."""
    before, _, after = urlsplit(url).path.partition("/account/")
    return after.partition("/")[0] or None if before.endswith("/api") else None


def _item_lines(kind: str, item_id: str, names: Counter[str]) -> Iterator[str]:
    yield ""
    if not names:
        yield f"# {kind[:-1].capitalize()} {item_id} is left out: its name is not known."
        return
    (name, _), *others = names.most_common()
    if others:
        yield f"# Called {', '.join(_toml_string(other) for other, _ in others)} as well."
    yield f"[[accounts.{kind}]]"
    yield f'id = "{item_id}"'
    yield f"name = {_toml_string(name)}"


def _id(value: object) -> str | None:
    """An id as text, where it is digits as every id of a world."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text if text.isascii() and text.isdigit() and len(text) <= 19 else None


def _text(value: object) -> str | None:
    """A name that a world can have: not blank, of one line, of 128 characters at most."""
    text = clean(value) if isinstance(value, str) else ""
    words = "".join(letter if letter.isprintable() else " " for letter in text).split()
    return " ".join(words)[:_MAX_NAME] or None


def _toml_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
