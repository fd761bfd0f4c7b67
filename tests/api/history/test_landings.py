"""Where a conversation landed: history's minute is waited for politely, and the answer says who gave it."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest

from lpnb import InvalidValueError, Landing, Sandbox, ServiceError, Settings
from lpnb.client import landings
from lpnb.transport.http_transport import HttpTransport

CARDS, LOANS = "2741903011", "2741903012"


class Watched:
    """Real connections, and a word with the sandbox after each question to history."""

    def __init__(self, after) -> None:
        self._inner = HttpTransport(10.0)
        self._after = after

    async def exchange(self, request, probe):
        exchange = await self._inner.exchange(request, probe)
        if "/messaging_history/" in str(request.url):
            self._after()
        return exchange

    async def aclose(self) -> None:
        await self._inner.aclose()


class Told:
    """A source of webhooks that says what a test tells it to."""

    def __init__(self) -> None:
        self.says: dict[str, Landing] = {}
        self.asked: list[Future] = []

    def landing(self, conversation_id):
        return self.says.get(conversation_id)

    def news(self, conversation_id):
        self.asked.append(Future())
        return self.asked[-1]

    def tell(self, landing):
        self.says[landing.conversation_id] = landing
        self.asked[-1].set_result(None)


def test_history_names_the_skill_and_the_transfers(reader, sandbox):
    conversation_id = reader.open(skill_id=CARDS)
    sandbox.transfer(conversation_id, "Mortgages & Loans")

    landing = reader.landing(conversation_id)

    assert (landing.outcome, landing.source, landing.ok) == ("landed", "history", True)
    assert (landing.skill_id, landing.skill_name) == (LOANS, "Mortgages & Loans")
    assert [(move.source_skill_id, move.target_skill_id) for move in landing.transfers] == [(CARDS, LOANS)]
    assert str(landing) == (
        f"History says that {conversation_id} is in skill Mortgages & Loans ({LOANS}), after 1 transfer."
    )


def test_a_reply_can_be_given_in_place_of_the_id(reader):
    reply = reader.create_conversation("anna", skill_id=CARDS)

    assert reader.landing(reply).skill_id == CARDS


def test_minus_one_is_unassigned(open_door, settings_of):
    with Sandbox(any_skill_is_no_choice=False) as sandbox:
        door = open_door(settings_of["key"](sandbox))
        landing = door.landing(door.open(skill_id="-1"))

    assert (landing.outcome, landing.skill_id, landing.skill_name) == ("unassigned", "-1", "Unassigned")
    assert landing.explanation == (
        f"History says that {landing.conversation_id} is unassigned. Any agent may take it: nothing routed "
        "it, or the skill that it names does not exist. A skill is named by its id, a number."
    )


def test_history_s_delay_is_waited_for(open_door, settings_of):
    with Sandbox(history_delay=60) as sandbox:
        sandbox.freeze_clock()
        # Each question costs the sandbox half a minute, so that the third one is answered.
        door = open_door(settings_of["key"](sandbox), transport=Watched(lambda: sandbox.advance(30)))
        conversation_id = door.open(skill_id=CARDS)

        landing = door.landing(conversation_id)

        assert (landing.skill_id, landing.source) == (CARDS, "history")
        assert sandbox.calls["history"] == 3


def test_what_never_becomes_visible_has_a_name_and_was_asked_for_eight_times(open_door, settings_of):
    with Sandbox(history_delay=3600) as sandbox:
        door = open_door(settings_of["agent"](sandbox))
        conversation_id = door.open()

        landing = door.landing(conversation_id)

        assert (landing.outcome, landing.ok, landing.source) == ("not visible", False, None)
        assert (landing.skill_id, landing.skill_name, landing.transfers) == (None, None, ())
        assert landing.explanation == (
            f"{conversation_id} did not become visible. History did not have it within 90 s."
        )
        assert (sandbox.calls["history"], sandbox.calls["login"]) == (8, 1)


def test_a_webhook_that_comes_first_is_believed(open_door, settings_of):
    told = Told()
    with Sandbox(history_delay=3600) as sandbox:
        door = open_door(
            settings_of["key"](sandbox),
            transport=Watched(lambda: told.says or told.tell(Landing("c", CARDS, source="webhook"))),
        )

        landing = door.landing("c", receiver=told)

    assert (landing.skill_id, landing.skill_name, landing.source) == (CARDS, None, "webhook")
    assert landing.explanation == f"A webhook says that c is in skill {CARDS}."


def test_a_receiver_alone_needs_no_credentials(open_door, sandbox):
    told = Told()
    told.says["c"] = Landing("c", CARDS, source="webhook")
    four = ("LP_ACCOUNT_ID", "LP_CLIENT_ID", "LP_CLIENT_SECRET", "LP_DOMAIN_API")
    door = open_door(Settings.of({name: sandbox.environment()[name] for name in four}))

    assert door.landing("c", receiver=told).skill_id == CARDS
    silent = door.landing("other", receiver=told, wait=0)

    assert silent.explanation == "other did not become visible. No webhook reported it."
    assert sum(sandbox.calls.values()) == 0
    assert door.landing("c", wait=0).explanation.endswith("History did not have it within 0 s.")
    assert sandbox.calls["history"] == 1  # nobody else to ask: the connector's own application


def test_history_that_fails_is_an_error_and_with_a_receiver_a_note(open_door, settings_of, sandbox):
    door = open_door(settings_of["key"](sandbox))
    sandbox.fail("history", "status", times=None, code=503)

    with pytest.raises(ServiceError) as caught:
        door.landing("c")
    landing = door.landing("c", receiver=Told(), wait=0)

    assert str(caught.value) == "Messaging Interactions answered HTTP 503, tried 4 times."
    assert landing.explanation == (
        "c did not become visible. No webhook reported it. "
        "History failed: Messaging Interactions answered HTTP 503, tried 4 times."
    )


def test_a_history_that_hangs_is_not_waited_for_beyond_the_time_that_was_given(
    open_door, settings_of, sandbox, monkeypatch
):
    monkeypatch.setattr(landings, "ANSWER_GRACE", 0.2)
    door = open_door(settings_of["key"](sandbox))
    sandbox.fail("history", "hang", times=None, seconds=5.0)

    with pytest.raises(ServiceError) as caught:
        door.landing("c", wait=0)

    assert str(caught.value) == "Messaging Interactions gave no answer within 0.2 s."
    assert sandbox.calls["history"] == 1


def test_nobody_goes_on_listening_when_the_landing_is_known(open_door, settings_of, sandbox):
    told = Told()
    told.says["c"] = Landing("c", CARDS, source="webhook")

    open_door(settings_of["key"](sandbox)).landing("c", receiver=told)

    assert [promise.done() for promise in told.asked] == [True]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (None, "conversationId must be a reply that opened one, or its id; got None."),
        ("\ud800", "conversationId must not hold half a character (a lone surrogate); got '\\ud800'."),
    ],
)
def test_what_is_no_conversation_has_no_landing(reader, given, complaint):
    with pytest.raises(InvalidValueError) as caught:
        reader.landing(given)

    assert str(caught.value) == complaint


@pytest.mark.parametrize("wait", [-1, float("nan"), float("inf"), True, "90"])
def test_a_wait_that_is_none_is_refused(reader, wait):
    with pytest.raises(InvalidValueError) as caught:
        reader.landing("c", wait=wait)

    assert str(caught.value) == f"wait must be from 0 to 86,400 seconds; got {wait!r}."


def test_a_reply_that_opened_nothing_is_refused(reader, sandbox):
    sandbox.fail("conversation", "drop_after")
    reply = reader.create_conversation("anna")

    with pytest.raises(InvalidValueError) as caught:
        reader.landing(reply)

    assert str(caught.value) == (
        "There is no conversation to look for: this is a reply whose outcome is 'unknown'."
    )


def test_the_question_ends_when_nobody_waits_for_the_answer(settings_of):
    from lpnb import AsyncClient

    async def give_up():
        with Sandbox(history_delay=3600) as sandbox:
            asked = asyncio.Event()
            loop = asyncio.get_running_loop()
            watched = Watched(lambda: loop.call_soon_threadsafe(asked.set))
            async with AsyncClient(settings_of["key"](sandbox), transport=watched) as client:
                waiting = asyncio.create_task(client.landing("c"))
                await asyncio.wait_for(asked.wait(), 10)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                return sandbox.calls["history"]

    assert asyncio.run(give_up()) == 1


def test_landings_that_are_waited_for_together_are_asked_for_together(settings_of):
    from lpnb import AsyncClient

    async def look():
        with Sandbox() as sandbox:
            async with AsyncClient(settings_of["key"](sandbox), wait_scale=0.0) as client:
                ids = [
                    (await client.create_conversation(f"consumer-{number}", skill_id=CARDS)).conversation_id
                    for number in range(120)
                ]
                found = await asyncio.gather(*(client.landing(name) for name in [*ids, *ids]))
                return ids, found, sandbox.calls["history"]

    ids, found, asked = asyncio.run(look())

    assert [landing.conversation_id for landing in found] == [*ids, *ids]
    assert {landing.skill_id for landing in found} == {CARDS}
    # One for whoever comes first, then fifty at a time; a few more where some came late.
    assert asked < 40


def test_one_failure_is_told_to_all_who_waited_for_it(settings_of):
    from lpnb import AsyncClient

    async def look():
        with Sandbox() as sandbox:
            sandbox.fail("history", "status", times=None, code=403)
            async with AsyncClient(settings_of["key"](sandbox), wait_scale=0.0) as client:
                return await asyncio.gather(
                    *(client.landing(f"c-{number}") for number in range(5)), return_exceptions=True
                )

    errors = asyncio.run(look())

    assert {str(error) for error in errors} == {str(errors[0])}
    assert str(errors[0]).startswith("Messaging Interactions does not let the API key of LP_HISTORY_KEY read")
    assert len({id(error) for error in errors}) == 5


@pytest.mark.parametrize("conversation_id", ["", " ", None])
def test_an_id_that_cannot_be_one_is_refused_before_anybody_is_asked(settings_of, sandbox, conversation_id):
    from lpnb import AsyncClient
    from lpnb._internal.event_loop import awaitable
    from lpnb.client.landings import find_landing

    async def look():
        async with AsyncClient(settings_of["key"](sandbox)) as client:
            await awaitable(find_landing(client.engine, conversation_id))

    with pytest.raises(InvalidValueError, match=r"^conversationId must be text that is not blank; got "):
        asyncio.run(look())
    assert sum(sandbox.calls.values()) == 0
