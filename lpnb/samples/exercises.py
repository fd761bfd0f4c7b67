"""Check the answers to the exercises in the notebooks, with a hint for a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lpnb._internal.display import esc
from lpnb.errors import Complaint, InvalidValueError


@dataclass(frozen=True, slots=True)
class ExerciseResult:
    """What became of an answer: "right", "not yet" or "open", and a sentence about it."""

    exercise: str
    state: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.exercise}: {self.sentence}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        sign = {"right": "✔", "not yet": "✘"}.get(self.state, "…")
        return f"<p><b>{sign} {esc(self.exercise)}</b> {esc(self.sentence)}</p>"


@dataclass(frozen=True, slots=True)
class Exercise:
    """What makes an answer right, why it is, and a hint for whoever is not there yet."""

    is_right: Callable[[Any], bool]
    because: str
    hint: str


def check(exercise: str, answer: object) -> ExerciseResult:
    """Say whether *answer* is right.

    Args:
        exercise: Its number, such as "1.1": notebook, then exercise.
        answer: What you found; ``...`` while you are still looking.

    Raises:
        InvalidValueError: There is no such exercise.

    Example:
        >>> check("1.2", ...)
        1.2: open. Put your answer in place of the dots and run the cell again.
        >>> check("1.2", "Authorization")
        1.2: not yet. One header says who calls, the other for whom. Look at the captions of the chain.
    """
    if exercise not in EXERCISES:
        known = ", ".join(EXERCISES)
        sentence = f"exercise must be one of {known}; got {exercise!r}."
        raise InvalidValueError([Complaint("exercise", sentence)])
    task = EXERCISES[exercise]
    if answer is ...:
        return ExerciseResult(
            exercise, "open", "open. Put your answer in place of the dots and run the cell again."
        )
    try:
        right = task.is_right(answer)
    except Exception:  # whatever somebody hands in, it is just not the answer
        right = False
    if right:
        return ExerciseResult(exercise, "right", f"right. {task.because}")
    return ExerciseResult(exercise, "not yet", f"not yet. {task.hint}")


def _plain(answer: object) -> str:
    """An answer as it is compared: in small letters, without quotes, signs and blanks around it."""
    text = " ".join(str(answer).lower().replace("&", " and ").replace("_", "-").split())
    return text.strip(" .,;:!'\"`()")


def _is_one_of(*words: str) -> Callable[[Any], bool]:
    """The answer is one of *words*, however it is written."""
    return lambda answer: _plain(answer) in {_plain(word) for word in words}


def _is_skill(name: str, skill_id: str) -> Callable[[Any], bool]:
    """The answer is the skill, by name, by id, or a text or a reading with both."""
    return lambda answer: _plain(name) in _plain(answer) or skill_id in str(answer)


def _is_number(number: int, word: str) -> Callable[[Any], bool]:
    """The answer is *number*: as a number of any kind, in digits or in words."""

    def is_right(answer: Any) -> bool:
        text = _plain(answer).replace(",", "").replace(" ", "")
        return text in (str(number), f"{number}.0", word.replace(" ", ""))

    return is_right


def _sdes(batch: Any) -> dict[str, dict[str, Any]]:
    """The fields of each SDE of *batch*, by type."""
    frames = batch.to_wire("12345678")
    sdes: Iterator[dict[str, Any]] = iter(frames[0]["body"]["authenticatedData"]["lp_sdes"])
    return {sde["type"]: sde.get("info") or sde.get("personal") or {} for sde in sdes}


def _is_german_vip(batch: Any) -> bool:
    sdes = _sdes(batch)
    return bool(sdes["ctmrinfo"]["ctype"] == "vip" and sdes["personal"]["language"] == "de-DE")


EXERCISES: dict[str, Exercise] = {
    "1.1": Exercise(
        _is_one_of("lp_consumer_id"),
        "History and webhooks know the consumer by it; you know the same person as ext_consumer_id.",
        "Look at the claims of the ConsumerJWS: two of them name a consumer.",
    ),
    "1.2": Exercise(
        _is_one_of("X-LP-ON-BEHALF"),
        "Authorization carries the AppJWT, X-LP-ON-BEHALF the ConsumerJWS.",
        "One header says who calls, the other for whom. Look at the captions of the chain.",
    ),
    "2.1": Exercise(
        _is_german_vip,
        "An SDE rule can route by ctype, and the agent sees the language.",
        "ConversationBatch.build takes a list: a CustomerInfo with ctype, a PersonalInfo with language.",
    ),
    "2.2": Exercise(
        lambda answer: answer is None or _is_one_of("nothing", "none", "no customer id")(answer),
        "An SDE replaces the earlier one of its type whole, so send every field each time.",
        "Look at the card after the second profile: which fields of the first are still there?",
    ),
    "3.1": Exercise(
        _is_skill("Cards & Payments", "2741903011"),
        "Of the engagements that match, the one of the campaign with the smallest priority is shown.",
        "Ask for an engagement with that entry point, open a conversation with it, and look at the skill.",
    ),
    "3.2": Exercise(
        lambda answer: answer is str or _is_one_of("str", "text", "string")(answer),
        "Monitoring answers with numbers and CONVERSATION wants text; with_engagement makes text of them.",
        "Look at type(engagement.engagement_id), and at the JSON of the batch.",
    ),
    "4.1": Exercise(
        _is_one_of("unknown"),
        "A conversation may exist: settle it by looking for the consumer's open conversation.",
        "After which outcome can nobody tell whether a conversation was created?",
    ),
    "4.2": Exercise(
        _is_number(2, "two"),
        "The first attempt was refused before anything was done, so the second was safe.",
        "Look at the attempts of the reply after the 429.",
    ),
    "5.1": Exercise(
        _is_number(5000, "five thousand"),
        "lpnb counts before it sends; the service would refuse 5,001.",
        "The complaint names the most that is taken.",
    ),
    "6.1": Exercise(
        _is_number(24, "twenty-four"),
        "Every value of one field with every value of the others: 4 × 3 × 2.",
        "A grid crosses its fields: multiply.",
    ),
    "6.2": Exercise(
        _is_skill("Private Clients", "2741903013"),
        "The SDE rule for vip decides where no campaign and no skill is named.",
        "Find the row of vip without a campaign in the heatmap.",
    ),
    "7.1": Exercise(
        _is_number(1, "one"),
        "0 means all as expected, 1 that a case was not, 2 that the call was wrong.",
        "Look at the status that verify ended with.",
    ),
    "8.1": Exercise(
        _is_one_of("lpnb doctor", "doctor", "lpnb.doctor()"),
        "It asks every host and gets every token, and opens no conversation.",
        "It is a command of lpnb, and of the checklist the second step.",
    ),
    "9.1": Exercise(
        _is_skill("Cards & Payments", "2741903011"),
        "The rule for lost cards stands above that for vips who are signed in, and the first one decides.",
        "Read the list from the top, and stop at the first rule whose conditions all hold.",
    ),
}
