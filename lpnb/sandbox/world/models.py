"""Models of a world: accounts with skills, agents, campaigns, engagements and routing rules."""

from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from lpnb.sandbox.world.webhook_subscriptions import Webhooks

SDE_TYPES = (
    "ctmrinfo",
    "personal",
    "mrktInfo",
    "cart",
    "purchase",
    "prodView",
    "service",
    "lead",
    "error",
    "searchInfo",
)


def _as_text(value: object) -> object:
    """Ids may stand in the file with or without quotation marks."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


# The reader of these patterns is Rust's, where $ is the very end and not also before a last newline.
Id = Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^[0-9]{1,19}$")]
AccountId = Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^[A-Za-z0-9_]{1,20}$")]
Name = Annotated[str, Field(min_length=1, max_length=128)]
SkillRef = Annotated[str, BeforeValidator(_as_text), Field(min_length=1)]
"""A skill's id or its name."""
SdePath = Annotated[str, Field(pattern=rf"^(?:{'|'.join(SDE_TYPES)})(?:\.[A-Za-z0-9]+)+$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Installation(_Part):
    """An app installation: a connector that may ask Sentinel for tokens."""

    client_id: Annotated[str, Field(min_length=1)]
    client_secret: Annotated[str, Field(min_length=1, repr=False)]
    name: Name
    """What agents see as the source of a conversation without a campaign."""
    connector_id: Id = "0"
    engagements: bool = True
    """Whether it has the engagement capability, without which Monitoring does not know it."""
    enabled: bool = True
    webhooks: Webhooks | None = None
    """What it wants to hear of, spelled as in the installation record."""


class ApiKey(_Part):
    """The four parts of an OAuth 1 key, for the history service."""

    consumer_key: Annotated[str, Field(min_length=1)]
    consumer_secret: Annotated[str, Field(min_length=1, repr=False)]
    token: Annotated[str, Field(min_length=1)]
    token_secret: Annotated[str, Field(min_length=1, repr=False)]


class Skill(_Part):
    """A skill: a queue that agents serve."""

    id: Id
    name: Name
    description: str = ""
    fallback_skill: SkillRef | None = None
    """Where conversations go when none of its agents is online."""


class Agent(_Part):
    """An agent, with the skills it serves and whether it is there when the world begins."""

    id: Id
    name: Name
    login: Name
    password: Annotated[str, Field(min_length=1, repr=False)]
    skills: Annotated[tuple[SkillRef, ...], Field(strict=False)] = ()
    """None at all: every skill."""
    online: bool = True
    manager: bool = False
    """Whether it is a manager, who joins conversations beside the assigned agent."""
    group: Id | None = None
    """The agent group, for history's filter of that name."""


class Campaign(_Part):
    """A campaign; of the engagements that match, that of the campaign with the smallest priority is shown."""

    id: Id
    name: Name
    priority: int = 100
    published: bool = True


class Range(_Part):
    """A number from *min* to *max*, both included."""

    min: int | float | None = None
    max: int | float | None = None


class Target(_Part):
    """Whom an engagement is for: every condition given must hold, of the values of one any may."""

    identity: Literal["any", "auth", "unauth"] = "any"
    entry_points: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Such as "sec://cards"; a star stands for anything."""
    languages: Annotated[tuple[str, ...], Field(strict=False)] = ()
    sdes: dict[SdePath, Range | Annotated[tuple[str | int | float | bool, ...], Field(strict=False)]] = {}
    """Path of an SDE's field, such as "ctmrinfo.ctype", to the values it may have."""


class Engagement(_Part):
    """An engagement of a campaign: the skill it holds, and whom it is for."""

    id: Id
    campaign: Id
    name: Name
    skill: SkillRef
    revision: int = 1
    language: str | None = None
    window_id: Id | None = None
    enabled: bool = True
    target: Target = Target()


class SdeRule(_Part):
    """From a value in Customer Info to a skill; only these two fields can be mapped (documented)."""

    field: Literal["ctype", "companyBranch"]
    values: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    skill: SkillRef


class Account(_Part):
    """One account and all that belongs to it."""

    id: AccountId
    name: Name = "Sandbox"
    default_skill: SkillRef | None = None
    """Where a conversation goes that nothing else routes."""
    fallback_skill: SkillRef | None = None
    """Where conversations go when nobody serves their skill and it has no fallback of its own."""
    survey: bool = False
    """Whether a survey follows a main dialog that closes, for consumers that declare MULTI_DIALOG."""
    installations: Annotated[tuple[Installation, ...], Field(strict=False, min_length=1)]
    api_keys: Annotated[tuple[ApiKey, ...], Field(strict=False)] = ()
    skills: Annotated[tuple[Skill, ...], Field(strict=False)] = ()
    agents: Annotated[tuple[Agent, ...], Field(strict=False)] = ()
    campaigns: Annotated[tuple[Campaign, ...], Field(strict=False)] = ()
    engagements: Annotated[tuple[Engagement, ...], Field(strict=False)] = ()
    sde_rules: Annotated[tuple[SdeRule, ...], Field(strict=False)] = ()

    @cached_property
    def skills_by_ref(self) -> dict[str, Skill]:
        """Every skill under its id and under its name; where the two clash, the id counts."""
        return {skill.name: skill for skill in self.skills} | {skill.id: skill for skill in self.skills}

    @cached_property
    def campaigns_by_id(self) -> dict[str, Campaign]:
        """Every campaign under its id."""
        return {campaign.id: campaign for campaign in self.campaigns}

    @cached_property
    def engagements_by_id(self) -> dict[str, Engagement]:
        """Every engagement under its id."""
        return {engagement.id: engagement for engagement in self.engagements}

    @cached_property
    def installations_by_id(self) -> dict[str, Installation]:
        """Every installation under its client id."""
        return {installation.client_id: installation for installation in self.installations}

    @cached_property
    def agents_by_id(self) -> dict[str, Agent]:
        """Every agent under its id."""
        return {agent.id: agent for agent in self.agents}

    @cached_property
    def by_priority(self) -> tuple[Engagement, ...]:
        """The engagements in the order they are considered: by campaign's priority, then as in the file."""
        return tuple(sorted(self.engagements, key=lambda item: self.campaigns_by_id[item.campaign].priority))

    def skill(self, ref: str) -> Skill | None:
        """The skill with this id or name, or None."""
        return self.skills_by_ref.get(ref)

    def agents_of(self, skill: Skill) -> list[Agent]:
        """The agents who serve *skill*."""
        return [
            agent
            for agent in self.agents
            if not agent.skills or skill.id in agent.skills or skill.name in agent.skills
        ]


class World(_Part):
    """Everything the sandbox plays.

    Example:
        >>> world = World(accounts=[Account(id="1", installations=[
        ...     Installation(client_id="app", client_secret="s", name="My connector")])])
        >>> world.accounts_by_id["1"].installations_by_id["app"].name
        'My connector'
    """

    name: str = "A world"
    rules: dict[str, bool | int | float | str] = {}
    """Switches of `Rules` by name; those that a sandbox is given win over these."""
    accounts: Annotated[tuple[Account, ...], Field(strict=False, min_length=1)]

    @cached_property
    def accounts_by_id(self) -> dict[str, Account]:
        """Every account under its id."""
        return {account.id: account for account in self.accounts}
