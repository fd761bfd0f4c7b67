"""Invented consumers, the same ones for the same seed.

Names come from the faker library. E-mail addresses are of example.com and its like, and phone numbers
from the range kept for fiction, so that no message can reach anybody. Nothing here is sent.
"""

from __future__ import annotations

import datetime
import random
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from lpnb._internal.display import brief
from lpnb._internal.optional_dependencies import install_command
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.cases import Cases
from lpnb.experiments.cases.columns import columns_of
from lpnb.experiments.cases.sources import ArrowSource, BesideSource, CellSource, ListSource

_COLUMNS = (
    "ctmrinfo.customerId",
    "personal.firstname",
    "personal.lastname",
    "personal.gender",
    "personal.language",
    "personal.age.year",
    "personal.age.month",
    "personal.age.day",
    "personal.contacts.0.email",
    "personal.contacts.0.phone",
    "personal.contacts.0.phoneType",
    "personal.contacts.0.address.country",
)
#: Reserved for examples by RFC 2606.
_HOSTS = ("example.com", "example.net", "example.org")
_YOUNGEST, _OLDEST = datetime.date(2006, 1, 1).toordinal(), datetime.date(1936, 1, 1).toordinal()
_AT_ONCE = 4_096


class Personas(Cases):
    """*n* invented consumers, each a case: names, gender, language, birthday, e-mail, phone, customer id.

    Needs ``pip install "lpnb[personas]"``. The same seed and the same version of faker give the same
    personas, and those of a smaller *n* are the first of a larger. A hundred thousand take some ten
    seconds, once.

    Args:
        n: How many.
        seed: Which ones.
        locales: Where they come from, in equal shares, such as "en_US", "de_DE" or "fr_FR".
        choices: Further columns, wire-dotted, each with the values that are drawn from; None leaves the
            field out.

    Raises:
        InvalidValueError: A number, locale or column that cannot be used, or faker is missing.

    Example:
        >>> tiers = {"ctmrinfo.ctype": ["vip", "gold", None]}
        >>> people = Personas(100, seed=7, choices=tiers)
        >>> len(people), people[0].values["personal.contacts.0.phone"][:8]
        (100, '+1 555-5')
        >>> people[3].values == Personas(4, seed=7, choices=tiers)[3].values
        True
    """

    def __init__(
        self,
        n: int,
        *,
        seed: int = 0,
        locales: str | Sequence[str] = ("en_US",),
        choices: Mapping[str, Sequence[object]] | None = None,
    ) -> None:
        locales = [locales] if isinstance(locales, str) else list(locales)
        choices = dict(choices or {})
        _check(n, seed, locales, choices)
        super().__init__(_source(n, seed, locales, choices), f"made with seed {seed}")


def _check(n: object, seed: object, locales: Sequence[object], choices: Mapping[str, object]) -> None:
    complaints = []
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= 1_000_000:
        complaints.append(Complaint("n", f"n must be a whole number from 1 to 1,000,000; got {brief(n)}."))
    if isinstance(seed, bool) or not isinstance(seed, int):
        complaints.append(Complaint("seed", f"seed must be a whole number; got {brief(seed)}."))
    if not locales:
        complaints.append(Complaint("locales", "locales must name at least one, such as 'en_US'."))
    try:
        columns_of(list(choices))
    except InvalidValueError as error:
        complaints.extend(error.complaints)
    for name, values in choices.items():
        if isinstance(values, str) or not isinstance(values, Sequence) or not values:
            sentence = f"choices of {name} must be a list of values; got {brief(values)}."
            complaints.append(Complaint(name, sentence))
        elif name in _COLUMNS:
            complaints.append(
                Complaint(name, f"{name} is made for each persona, so it cannot be drawn as well.")
            )
    if complaints:
        raise InvalidValueError(complaints)


def _source(n: int, seed: int, locales: Sequence[str], choices: Mapping[str, Sequence[object]]) -> CellSource:
    makers = [_faker(locale, seed) for locale in locales]
    # One source of chance for each matter, so that a further choice changes nothing else.
    chance = random.Random(f"lpnb personas {seed}")  # noqa: S311 - no secret
    tables = []
    for start in range(0, n, _AT_ONCE):
        rows = [
            _persona(number, makers[number % len(makers)], locales[number % len(makers)], chance)
            for number in range(start, min(start + _AT_ONCE, n))
        ]
        columns = [pa.array(column) for column in zip(*rows, strict=True)]
        tables.append(pa.table(columns, names=list(_COLUMNS)))
    table = pa.concat_tables(tables)
    if not choices:
        return ArrowSource(table)
    choice_columns: dict[str, Sequence[object]] = {}
    for name, values in choices.items():
        own = random.Random(f"lpnb personas {seed} {name}")  # noqa: S311 - no secret
        choice_columns[name] = [own.choice(values) for _ in range(n)]
    return BesideSource(ArrowSource(table), ListSource(choice_columns, n))


def _faker(locale: str, seed: int) -> Any:
    try:
        from faker import Faker
    except ImportError:
        sentence = f"Personas need faker. Install it with: {install_command('personas')}"
        raise InvalidValueError([Complaint("personas", sentence)]) from None
    try:
        maker = Faker(locale)
    except (AttributeError, ValueError, TypeError, ImportError):
        sentence = f"locales must be names that faker knows, such as 'en_US' or 'de_DE'; got {brief(locale)}."
        raise InvalidValueError([Complaint("locales", sentence)]) from None
    maker.seed_instance(seed)
    return maker


def _persona(number: int, maker: Any, locale: str, chance: random.Random) -> tuple[object, ...]:
    gender = chance.choices(("FEMALE", "MALE", "OTHER"), (48, 48, 4))[0]
    make_first = {"FEMALE": maker.first_name_female, "MALE": maker.first_name_male}.get(
        gender, maker.first_name
    )
    first, last = str(make_first()), str(maker.last_name())
    birthday = datetime.date.fromordinal(chance.randint(_OLDEST, _YOUNGEST))
    plain = [part for part in (_plain(first), _plain(last)) if part] or ["consumer"]
    address = f"{'.'.join(plain)}.{number + 1}@{chance.choice(_HOSTS)}"
    # 555-0100 to 555-0199 belong to nobody, in any area.
    phone = f"+1 555-555-01{chance.randrange(100):02d}"
    return (
        f"{chance.randrange(10**8):08d}",
        first,
        last,
        gender,
        locale.replace("_", "-"),
        birthday.year,
        birthday.month,
        birthday.day,
        address,
        phone,
        chance.choice(("HOME", "MOBILE", "WORK")),
        locale[-2:] if "_" in locale else None,
    )


def _plain(name: str) -> str:
    """A name as it can stand in an e-mail address: Latin letters only."""
    normal_form = unicodedata.normalize("NFKD", name)
    return "".join(sign for sign in normal_form.lower() if sign.isascii() and sign.isalnum())
