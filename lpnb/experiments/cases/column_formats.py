"""Number and date formats of a whole column: recognised from all of its cells, and never guessed.

``1.234,56`` and ``31.12.1980`` say by themselves how they are read. Where every cell of a column can be read
two ways, such as ``1.234``, the column is refused with the option that decides.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lpnb._internal.display import brief, count
from lpnb.experiments.cases.cell_parsers import UnreadableCell

Decimal = Literal[".", ","]
DateOrder = Literal["dmy", "mdy", "ymd"]
Converter = Callable[[object], object]

_PLAIN = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_BLANKS = str.maketrans("", "", " \u00a0\u202f\u2009\u2007\u200b\u200c\u200d\u2060\ufeff")
#: A blank between two digits that parts no thousands: "12 5" is no number.
_LOOSE_BLANK = re.compile(r"(?<=[0-9])[ \u00a0\u202f\u2009\u2007](?=[0-9](?![0-9]{2}(?![0-9])))")
_CURRENCY = re.compile(r"^(?:[€$£¥]|[A-Z]{3})|(?:[€$£¥]|[A-Z]{3})$|[.,][-\u2013\u2014]{1,2}$")
_NO_BREAK = {0xA0: " ", 0x202F: " ", 0x200B: None, 0xFEFF: None}
_GROUPED = {
    ".": re.compile(r"[0-9]{1,3}(?:[,'\u2019][0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?"),
    ",": re.compile(r"[0-9]{1,3}(?:[.'\u2019][0-9]{3})+(?:,[0-9]+)?|[0-9]+(?:,[0-9]+)?"),
}
_DATE = re.compile(
    r"([0-9]{1,4}) ?([./-]) ?([0-9]{1,2}) ?\2 ?([0-9]{1,4})"
    r"(?:[T ]+(?:00:00(?::00(?:\.0+)?)?Z?|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?))?"
)
_ISO = re.compile(r"\s*[0-9]{4}[./-][0-9]{1,2}[./-][0-9]{1,2}(?:[T ]00:00\S*)?\s*")
#: A month by its name: 16 November 1987, 16-Nov-87, November 16, 1987.
_DATE_WITH_MONTH_NAME = re.compile(
    r"([0-9]{1,2})[. -]*([^\W\d_]{3,})[., -]*([0-9]{4}|[0-9]{2})"
    r"|([^\W\d_]{3,})\.? *([0-9]{1,2}),? +([0-9]{4})"
)
#: Excel counts days from 1900 on: these are those of 1927 to 2064.
_SERIAL = re.compile(r"[1-5][0-9]{4}(?:\.0+)?")
_SERIAL_ZERO = datetime.date(1899, 12, 30)
_ORDERS: dict[DateOrder, tuple[int, int, int]] = {"dmy": (2, 1, 0), "mdy": (2, 0, 1), "ymd": (0, 1, 2)}
_ORDER_WORDS: dict[DateOrder, str] = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}


@dataclass(frozen=True)
class ColumnFormat:
    """How the texts of a column are read: a converter, and a note where it does more than one would expect.

    ``problem`` says in its place why the column cannot be read.
    """

    convert: Converter | None = None
    note: str | None = None
    problem: str | None = None


def number_format(texts: Iterable[str], decimal: Decimal | None) -> ColumnFormat:
    """How a column of numbers is read.

    Args:
        texts: Its cells that are text.
        decimal: The decimal sign, where the user said it.

    Example:
        >>> number_format(["1.234,56", "-12,5"], None).convert("1.234,56")
        '1234.56'
        >>> number_format(["1.234"], None).problem
        '1 of 1 can be read two ways: 1.234 is 1234 with a decimal comma and 1.234 with a decimal point. Say which: decimal="," or decimal="." (--decimal).'
    """  # noqa: E501
    counts = Counter(texts)
    total = counts.total()
    readings = {text: _decimals(text) for text in counts}
    unread = [text for text, signs in readings.items() if not signs]
    clear = {sign: [t for t, signs in readings.items() if signs == {sign}] for sign in (".", ",")}
    if decimal is None:
        if clear["."] and clear[","]:
            return ColumnFormat(
                problem=f"{clear[','][0]} has a decimal comma and {clear['.'][0]} a decimal point. Write "
                f"them "
                'one way, or say which: decimal="," or decimal="." (--decimal).'
            )
        if unsure := [] if clear["."] or clear[","] else [t for t in readings if _is_unsure(t, readings[t])]:
            text = unsure[0]
            return ColumnFormat(
                problem=f"{_sum(counts, unsure):,} of {total:,} can be read two ways: {text} is "
                f"{_number(text, ',')} with a "
                f"decimal comma and {_number(text, '.')} with a decimal point. Say which: "
                'decimal="," or decimal="." (--decimal).'
            )
    sign: Decimal = decimal or ("," if clear[","] else ".")
    wrong = [text for text in readings if sign not in readings[text]]
    if wrong and len(wrong) > len(unread):
        text = next(text for text in wrong if text not in unread)
        return ColumnFormat(
            problem=f"{text} is no number with a decimal {'comma' if sign == ',' else 'point'}."
        )
    if all(_PLAIN.fullmatch(text) for text in readings if text not in unread) and sign == ".":
        return ColumnFormat()  # as JSON has them
    example = next((text for text in clear[sign]), next((t for t in readings if t not in unread), ""))
    note = (
        f"{total - _sum(counts, unread):,} of {total:,} look like {example}; read as {_number(example, sign)}"
    )

    form = "a comma, such as -400,99" if sign == "," else "a point, such as -400.99"

    def convert(cell: object) -> object:
        if not isinstance(cell, str) or not cell.strip():
            return cell
        if sign in _decimals(cell):
            return _number(cell, sign)
        return UnreadableCell(f"must be a number with {form}", cell)

    return ColumnFormat(convert, note if example else None)


def _sum(counts: Mapping[str, int], texts: Iterable[str]) -> int:
    return sum(counts[text] for text in texts)


def _bare(text: str) -> str:
    """A number without blanks and currency, its minus in front: some put it behind, or use brackets."""
    if _LOOSE_BLANK.search(text):
        return text
    bare = _CURRENCY.sub("", text.translate(_BLANKS)).replace("\u2212", "-")
    if bare.startswith("(") and bare.endswith(")"):
        bare = f"-{bare[1:-1]}"
    elif bare.endswith("-"):
        bare = f"-{bare[:-1]}"
    return f"-{_CURRENCY.sub('', bare[1:])}" if bare.startswith("-") else bare


def _decimals(text: str) -> set[str]:
    """With which decimal signs a text is a number."""
    bare = _bare(text)
    if _PLAIN.fullmatch(bare) and ("e" in bare.lower()):
        return {"."}
    bare = bare[1:] if bare[:1] in ("+", "-") else bare
    signs = {sign for sign, pattern in _GROUPED.items() if pattern.fullmatch(bare)}
    if len(signs) == 2 and re.match(r"0[0-9]*[.,]", bare):  # 0.125 groups nothing
        return {"." if "." in bare else ","}
    return signs


def _is_unsure(text: str, signs: set[str]) -> bool:
    return len(signs) == 2 and any(sign in text for sign in ".,")


def _number(text: str, sign: str) -> str:
    """The number as JSON has it."""
    bare = _bare(text).lstrip("+")
    if "e" in bare.lower():
        return bare
    other = "." if sign == "," else ","
    digits = bare.replace(other, "").replace("'", "").replace("\u2019", "").replace(sign, ".")
    minus = digits.startswith("-")
    whole, point, rest = digits.lstrip("-").partition(".")
    return f"{'-' if minus else ''}{whole.lstrip('0') or '0'}{point}{rest}"


def date_format(texts: Iterable[str], order: DateOrder | None) -> ColumnFormat:
    """How a column of dates is read.

    Args:
        texts: Its cells that are text.
        order: "dmy", "mdy" or "ymd", where the user said it.

    Example:
        >>> date_format(["31.12.1980", "01.02.1990"], None).convert("01.02.1990")
        datetime.date(1990, 2, 1)
        >>> date_format(["01.02.1990"], None).problem
        '1 of 1 can be read two ways: 01.02.1990 is 1 February day first and 2 January month first. Say which: dates="dmy" or dates="mdy" (--dates).'
    """  # noqa: E501
    counts = Counter(texts)
    total = counts.total()
    orders = {text: {name for name in _ORDERS if _date(text, name) is not None} for text in counts}
    date_texts = [text for text in orders if orders[text]]
    if not date_texts or all(map(_ISO.fullmatch, date_texts)):
        return ColumnFormat(_plain_date)
    clear = {name: [t for t in date_texts if orders[t] == {name}] for name in ("dmy", "mdy")}
    if order is None:
        if clear["dmy"] and clear["mdy"]:
            return ColumnFormat(
                problem=f"{clear['dmy'][0]} has the day first and {clear['mdy'][0]} the month. Write "
                f"them one way, "
                'or say which: dates="dmy" or dates="mdy" (--dates).'
            )
        if not clear["dmy"] and not clear["mdy"]:
            unsure = [text for text in date_texts if len(orders[text]) > 1]
            if any(_date(text, "dmy") != _date(text, "mdy") for text in unsure):
                text = next(text for text in unsure if _date(text, "dmy") != _date(text, "mdy"))
                return ColumnFormat(
                    problem=f"{_sum(counts, unsure):,} of {total:,} can be read two ways: {text} is "
                    f"{_day(text, 'dmy')} day first and {_day(text, 'mdy')} month first. Say which: "
                    'dates="dmy" or dates="mdy" (--dates).'
                )
    date_order: DateOrder = order or ("mdy" if clear["mdy"] else "dmy")
    wrong = [text for text in date_texts if date_order not in orders[text] and orders[text] != {"ymd"}]
    if wrong:
        return ColumnFormat(problem=f"{wrong[0]} is no date with the {_ORDER_WORDS[date_order]}.")
    example = next((text for text in clear.get(date_order, ()) or date_texts), "")
    ways = [_ORDER_WORDS[date_order]] if date_order in orders[example] and len(orders[example]) < 3 else []
    if not re.fullmatch(r"(?:[0-9]{1,2}[./-]){2}[0-9]{4}", example):
        ways.append(f"as {_as_date(example, date_order)}")
    note = f"{_sum(counts, date_texts):,} of {total:,} look like {example}; read {', '.join(ways)}"

    def convert(cell: object) -> object:
        day = _as_date(cell, date_order)
        if date_order == "ymd" or not isinstance(day, str) or not day.strip() or day.lstrip().startswith("{"):
            return day
        form = "15.10.2014" if date_order == "dmy" else "10/15/2014"
        return _unreadable_date(f"must be a date with the {_ORDER_WORDS[date_order]}, such as {form}", day)

    return ColumnFormat(convert, note)


def _plain_date(cell: object) -> object:
    """A date with the year first; what is no date at all is left to the column's reader."""
    day = _as_date(cell, "ymd")
    if not isinstance(day, str) or _ISO.fullmatch(day):
        return day
    wrong = _unreadable_date("must be a date, such as 2014-10-15", day)
    return wrong if wrong.hint else day


def _as_date(cell: object, order: DateOrder) -> object:
    if isinstance(cell, str):
        return _date(cell, order) or _date(cell, "ymd") or cell
    # Excel's day numbers have five digits; infinity, NaN and numbers beyond them are no days.
    if isinstance(cell, bool) or not isinstance(cell, int | float) or not 0 < cell < 100_000:
        return cell
    return _date(f"{cell:.0f}", order) or cell if cell == int(cell) else cell


def _date(text: str, order: DateOrder) -> datetime.date | None:
    text = text.translate(_NO_BREAK).strip()
    if _SERIAL.fullmatch(text):
        return _SERIAL_ZERO + datetime.timedelta(int(text.split(".")[0]))
    if match := _DATE.fullmatch(text):
        parts = (match[1], match[3], match[4])
        year, month, day = (parts[place] for place in _ORDERS[order])
        if len(day) > 2 or len(month) > 2 or (len(year) != 4 and (order == "ymd" or len(year) != 2)):
            return None
    elif match := _DATE_WITH_MONTH_NAME.fullmatch(text):
        day, name, year = (match[1], match[2], match[3]) if match[1] else (match[5], match[4], match[6])
        plain = name.casefold().translate(_ACCENTS)
        month = str(_MONTH_NUMBERS.get(plain[:4], _MONTH_NUMBERS.get(plain[:3], 0)))
    else:
        return None
    try:
        return datetime.date(_whole_year(year), int(month), int(day))
    except ValueError:
        return None


def _unreadable_date(rule: str, cell: str) -> UnreadableCell:
    """The cell, with a hint where it is written as a date and the calendar has no such day."""
    text = cell.translate(_NO_BREAK).strip()
    sizes = (len(match[1]), len(match[4])) if (match := _DATE.fullmatch(text)) else (0, 0)
    is_dated = (0 < sizes[0] < 3 and sizes[1] in (2, 4)) or (sizes[0] == 4 and sizes[1] < 3)
    is_dated = is_dated or _DATE_WITH_MONTH_NAME.fullmatch(text) is not None
    return UnreadableCell(rule, cell, "There is no such day." if is_dated else "")


def _whole_year(year: str) -> int:
    """A year of two digits is the last one of that kind."""
    if len(year) == 4:
        return int(year)
    today = datetime.date.today().year
    return today - (today - int(year)) % 100


def _day(text: str, order: DateOrder) -> str:
    day = _date(text, order)
    return brief(text) if day is None else f"{day.day} {_MONTHS[day.month - 1]}"


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip


_ACCENTS = str.maketrans("\u00e4\u00e9\u00fb", "aeu")
#: By the first three or four letters, English, German and French.
_MONTH_NUMBERS = {
    **{name[:3].casefold(): number for number, name in enumerate(_MONTHS, start=1)},
    "mai": 5, "okt": 10, "dez": 12, "fev": 2, "avr": 4, "juin": 6, "juil": 7, "aou": 8,
}  # fmt: skip


def whole_format(texts: Iterable[str]) -> ColumnFormat:
    """How a column of whole numbers is read: a sign between thousands is no decimal there.

    Example:
        >>> whole_format(["1.234", "12"]).convert("1.234")
        '1234'
    """
    counts = Counter(texts)
    matches = [text for text in counts if _GROUPS.fullmatch(_bare(text)) and not text.isdigit()]
    if not matches:
        return ColumnFormat()

    def convert(cell: object) -> object:
        bare = _bare(cell) if isinstance(cell, str) else ""
        return re.sub(r"[^0-9-]", "", bare) if _GROUPS.fullmatch(bare) else cell

    return ColumnFormat(
        convert, f"{count(_sum(counts, matches), 'cell')} with thousands separators, such as {matches[0]}"
    )


_GROUPS = re.compile(r"-?[0-9]{1,3}(?:([.,'\u2019])[0-9]{3})(?:\1[0-9]{3})*|-?[0-9]+(?:[.,]0+)?")


def id_format(texts: Iterable[str], *, numeric: bool) -> ColumnFormat:
    """How a column of ids is read: what tables and programs put around or into an id is taken off.

    Args:
        texts: Its cells that are text.
        numeric: Whether the ids are numbers at the service, as those of skills, campaigns and engagements
            are.

    Example:
        >>> id_format(["2741903011.0", "2741903012.0"], numeric=True).convert("2741903011.0")
        '2741903011'
        >>> id_format(["2,741,903,011"], numeric=True).convert("2,741,903,011")
        '2741903011'
    """
    counts = Counter(texts)
    # What is written with a point throughout was a column of numbers with gaps; one alone may be meant so.
    is_decimal = bool(counts) and all(_WITH_ZERO.fullmatch(text.strip()) for text in counts)

    def convert(cell: object) -> object:
        if not isinstance(cell, str):
            return cell
        bare = cell.strip().translate(_INVISIBLE).strip()
        if (is_decimal or numeric) and _WITH_ZERO.fullmatch(bare):
            bare = bare.split(".")[0]
        if numeric and (power := _POWER.fullmatch(bare)) and len(power[1] + power[2]) == int(power[3]) + 1:
            bare = power[1] + power[2]  # written so, but with every digit
        if numeric and _ID_GROUPS.fullmatch(bare):
            bare = re.sub(r"[^0-9]", "", bare)
        return bare or None

    changes = [(text, convert(text)) for text in counts if convert(text) != text]
    if not changes:
        return ColumnFormat()
    before, after = changes[0]
    return ColumnFormat(
        convert,
        f"{_sum(counts, [text for text, _ in changes]):,} of {counts.total():,} read without what is not "
        f"part of an id: {before!r} as {after!r}",
    )


_INVISIBLE = str.maketrans(dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad")) | {0xA0: " ", 0x202F: " "}
_POWER = re.compile(r"([1-9])[.,]([0-9]+)[eE]\+?([0-9]{1,2})")
_WITH_ZERO = re.compile(r"[0-9]+\.0+")
_ID_GROUPS = re.compile(r"[0-9]{1,3}(?:([.,'\u2019 ])[0-9]{3})(?:\1[0-9]{3})*")


#: What people write in place of a field's own words, in English, German and French.
_SPELLINGS = {
    "true": "yes, y, 1, ja, j, wahr, x, on, oui, vrai",
    "false": "no, n, 0, nein, falsch, off, non, faux",
    "FEMALE": "f, w, woman, weiblich, frau, mrs, ms, femme, mme",
    "MALE": "m, man, homme, m., m\u00e4nnlich, maennlich, mann, herr, mr",
    "OTHER": "d, divers, diverse, non-binary, nonbinary",
    "URGENT": "dringend",
    "PRIORITIZED": "prioritised, priorisiert",
    "MOBILE": "cell, handy, mobil",
    "HOME": "privat",
    "WORK": "office, arbeit, gesch\u00e4ftlich",
}


def choice_format(texts: Iterable[str], choices: Sequence[str]) -> ColumnFormat:
    """How a column is read whose field takes some words alone: capitals do not matter, and a few spellings.

    Args:
        texts: Its cells that are text.
        choices: The words that the field takes.

    Example:
        >>> found = choice_format(["weiblich", "Male", "MALE"], ["MALE", "FEMALE", "OTHER"])
        >>> found.convert("weiblich"), found.note
        ('FEMALE', "2 of 3 read as the field's own words, such as 'weiblich' as FEMALE")
    """
    words = {
        spelling: choice
        for choice in choices
        for spelling in _SPELLINGS.get(choice, "").split(", ")
        if spelling
    }
    words |= {choice.casefold(): choice for choice in choices}

    def convert(cell: object) -> object:
        return (
            words.get(cell.translate(_INVISIBLE).strip().casefold(), cell) if isinstance(cell, str) else cell
        )

    counts = Counter(texts)
    changed_texts = [text for text in counts if convert(text) != text]
    if not changed_texts:
        return ColumnFormat()
    note = (
        f"{_sum(counts, changed_texts):,} of {counts.total():,} read as the field's own words, such as "
        f"{changed_texts[0]!r} as {convert(changed_texts[0])}"
    )
    return ColumnFormat(convert, note)
