"""Check the answers to the exercises in the notebooks, with a hint for a wrong one."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
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
        numbers_text = ", ".join(EXERCISES)
        sentence = f"exercise must be one of {numbers_text}; got {exercise!r}."
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


#: How answers are checked that are more than a word or a number.
_CHECKS: dict[str, Callable[[Any], bool]] = {
    "2.1": _is_german_vip,
    "2.2": lambda answer: answer is None or _is_one_of("nothing", "none", "no customer id")(answer),
    "3.2": lambda answer: answer is str or _is_one_of("str", "text", "string")(answer),
}
_KINDS: dict[str, Callable[..., Callable[[Any], bool]]] = {
    "one_of": _is_one_of,
    "skill": _is_skill,
    "number": _is_number,
}


def _read_exercises() -> dict[str, Exercise]:
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return {
        name: Exercise(
            _CHECKS.get(name) or next(make(*entry[kind]) for kind, make in _KINDS.items() if kind in entry),
            entry["because"],
            entry["hint"],
        )
        for name, entry in tomllib.loads(text).items()
    }


EXERCISES = _read_exercises()
