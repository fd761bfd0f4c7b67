"""Which encoding a text file is in: found out where its bytes say so, otherwise asked with its readings."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from lpnb._internal.display import brief
from lpnb.errors import Complaint, InvalidValueError

#: The longer mark is looked for first: UTF-32 begins as UTF-16 does.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: What a file may be in whose bytes do not say it, besides Windows' own.
_OTHERS = (
    "mac_roman", "cp850", "cp1250", "cp1251", "cp1254", "shift_jis", "gb18030", "big5", "euc_kr", "cp1253",
)  # fmt: skip
_MOST_OFFERED, _MOST_CELLS = 4, 200
_LONGEST = 400
#: A cell with bytes beyond ASCII, from no more than 40 bytes before them. Signs that separate cells belong to
#: none, but for ``|``, which may be the second byte of a letter.
_CELL = re.compile(rb'[^,;\t\r\n"]{0,40}[\x80-\xff][^,;\t\r\n"]*')
#: Signs that may stand right before or behind a letter, and between two.
_BEFORE = "\u2018\u201c\u00ab\u2039\u201e\u201a\u00bf\u00a1\u00a7\u00a9\u20ac\u00a3#\u00bb\u203a"
_BEHIND = "\u2019\u201d\u00bb\u203a\u2026\u201c\u00ab\u2122\u00ae\u00a9\u00b0\u00b2\u00aa\u00ba"
_BETWEEN = "\u2019\u2018\u2013\u2014\u00b7\u00b4\u2026\u00ba\u00aa"
#: Signs beside letters that they are usual with: degrees, x times y, a half, a brand, areas, paragraphs.
_USUAL = re.compile(
    "[\u00b0\u00d7\u00bd](?=[A-Za-z])|(?<=[A-Za-z])\u00d7|\u00ae(?=[A-Z][a-z])|(?<=[mx])[\u00b2\u00b3](?![a-z])"
    "|(?<=[a-z\u20ac])\u20ac|(?<=\u00a7)\u00a7"
)
#: Signs that count as letters; a capital beyond ASCII inside a word, or a small letter between capitals.
_ODD_LETTER = re.compile(
    "[\u0192\u02c6](?=\\w)|(?<=\\w)[\u0192\u02c6]"
    "|(?:[a-z](?<!\\bMc)(?<!\\bMac)|\\b[A-Z])[\u00c0-\u00de\u0152\u0160\u0178\u017d](?=[a-z])"
    "|(?<=[A-Z])[\u00e0-\u00ff](?=[A-Z])"
)
#: Two signs in a row that are neither quotes, dashes nor pictures.
_SIGNS = re.compile(
    "[^\\w\\s\x00-\x7f\u2013\u2014\u2018-\u201e\u2026\u00ab\u00bb\u3000-\u303f\uff00-\uffef\U00010000-\U0010ffff]{2}"
)
_ROW = re.compile(r"[^\W\d_\x00-\x7f]{3,}")
_USUAL_ROW = re.compile("[\u00e4\u00f6\u00fc\u00df\u00c4\u00d6\u00dc\u00e5\u00c5\u00e6\u00f8\u00c6\u00d8]+")


def encoding_of(path: Path, encoding: str | None = None) -> tuple[str, list[str]]:
    """The encoding of a text file, and what there is to say about it; *encoding* is what the user said.

    Text that is neither UTF-8, UTF-16 nor UTF-32 is Windows' (cp1252) where it reads like words.

    Raises:
        InvalidValueError: It cannot be told, or the file is not in the *encoding* that was said.
        OSError: It cannot be opened.
    """
    if encoding is not None:
        _check_encoding(path, encoding)
        return encoding, []
    with path.open("rb") as file:
        head = file.read(400)
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return name, []
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if head[first : first + 1] == b"\x00" and head.count(b"\x00", first) > len(head) // 3:
            return name, []
    if _is_in(path, "utf-8"):
        return "utf-8", []
    content = path.read_bytes()
    cells = _cells(content)
    if b"\x00" in content:
        raise InvalidValueError([Complaint(str(path), f"{path} is no text. Save it as CSV UTF-8.")])
    try:
        content.decode("cp1252")
        odd = [cell for cell in cells if _looks_wrong(cell.decode("cp1252"))]
    except UnicodeDecodeError as error:
        line = content.rfind(b"\n", 0, error.start) + 1
        odd = [cell for cell in _cells(content, line) if _decode(cell, "cp1252") is None] or cells
    if odd:
        raise InvalidValueError([Complaint("encoding", _question(path, odd[0], cells))])
    example = brief(cells[0].decode("cp1252"), 40)
    note = f"{path.name} is not UTF-8; it was read as Windows text (cp1252), such as {example}."
    return "cp1252", [f"{note} If that is wrong, say --encoding."]


def _cells(content: bytes, start: int = 0) -> list[bytes]:
    """The first cells with bytes beyond ASCII, each once; of long ones the beginning."""
    matches = islice(_CELL.finditer(content, start), _MOST_CELLS)
    return list(dict.fromkeys(match[0].strip()[:_LONGEST] for match in matches))


def _is_in(path: Path, encoding: str) -> bool:
    """Whether a file is in that encoding, without having all of it in memory."""
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        try:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeError:
            return False
    return True


def _check_encoding(path: Path, encoding: str) -> None:
    try:
        "".encode(encoding)
    except (LookupError, TypeError, ValueError):
        sentence = f"encoding must be the name of one, such as cp1252 or mac_roman; got {brief(encoding)}."
        raise InvalidValueError([Complaint("encoding", sentence)]) from None
    if _is_in(path, encoding):
        return
    content, where = path.read_bytes(), ""
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        where = f": byte 0x{content[error.start]:02X} in line {line:,} is none of its letters"
    raise InvalidValueError([Complaint("encoding", f"{path} is not in {encoding}{where}.")])


def _question(path: Path, cell: bytes, cells: Sequence[bytes]) -> str:
    """What the file may be in, with what one of its cells would be in each."""
    likely: dict[str, str] = {}
    for name in _OTHERS:
        readings = [_decode(one, name) for one in (cell, *cells)]
        if readings[0] is not None and not any(
            one is None or _looks_wrong(one, rows=name != "cp1250") for one in readings
        ):
            likely.setdefault(readings[0], name)
    examples = [f"{brief(text, 40)} in {name}" for text, name in list(likely.items())[:_MOST_OFFERED]]
    reading = _decode(cell, "cp1252")
    examples[:0] = [] if reading is None else [f"{brief(reading, 40)} in cp1252 (Windows)"]
    clause = f": a cell of it is {', '.join(examples)}" if examples else ""
    way_out = "Say which encoding it has (--encoding NAME), or save it as CSV UTF-8."
    return f"{path} is not UTF-8{clause}. {way_out}"


def _decode(cell: bytes, encoding: str) -> str | None:
    """What *cell* reads like, without half a letter at the end of what a long one was cut to."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(cell, final=len(cell) < _LONGEST)
    except UnicodeDecodeError:
        return None


def _looks_wrong(text: str, *, rows: bool = True) -> bool:
    """Whether *text* can hardly be words: signs or capitals inside of them, letters of two scripts.

    Three letters beyond ASCII in a row count too, unless *rows* is false.

    Example:
        >>> [_looks_wrong(text) for text in ("J\u00fcrgen O\u2019Connor", "Sch\u0160fer", "Gro\u00a7")]
        [False, True, True]
    """
    text = _USUAL.sub(" ", text)
    for place, sign in enumerate(text):
        if sign < "\x80":
            continue
        if unicodedata.category(sign) in ("Cc", "Cn", "Co", "Cf"):
            return True
        if (sign.isalpha() and sign not in "\u00aa\u00ba") or unicodedata.combining(sign):
            continue
        before, behind = text[place - 1 : place].isalpha(), text[place + 1 : place + 2].isalpha()
        allowed_signs = _BETWEEN if before and behind else _BEHIND if before else _BEFORE if behind else sign
        if sign not in allowed_signs and not unicodedata.category(sign).startswith("Pd"):
            return True
    if _ODD_LETTER.search(text) or _SIGNS.search(text):
        return True
    if rows and any(row[0] < "\u0250" and not _USUAL_ROW.fullmatch(row) for row in _ROW.findall(text)):
        return True
    letters = (sign for sign in text if sign.isalpha() and sign not in "\u00aa\u00b5\u00ba")
    return len(set(map(_script, letters)) - {"LATIN"}) > 1


def _script(sign: str) -> str:
    name = unicodedata.name(sign, "").partition(" ")[0]
    return (
        "CJK" if name in ("HIRAGANA", "KATAKANA", "HANGUL", "FULLWIDTH", "KATAKANA-HIRAGANA", "CJK") else name
    )
