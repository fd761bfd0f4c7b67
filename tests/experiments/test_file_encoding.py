"""The encoding of a CSV file: found by its bytes, or asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpnb import InvalidValueError, cases_of
from lpnb.cli.main import main

ROWS = "Vorname;Kundennummer\n{};0012\n{};0013\n"


def table(folder: Path, encoding: str, *names: str) -> Path:
    path = folder / "rows.csv"
    path.write_bytes(ROWS.format(*names).encode(encoding))
    return path


@pytest.mark.parametrize(
    ("encoding", "names", "as_windows"),
    [
        ("mac_roman", ("J\u00fcrgen", "Sch\u00e4fer"), "J\u0178rgen"),
        ("mac_roman", ("S\u00cdTIO", "MANJERIC\u00cdO"), "S\u00eaTIO"),
        ("gb18030", ("\u5f20\u4f1f", "\u738b\u82b3"), "\u00d5\u00c5\u00ce\u00b0"),
        ("big5", ("\u5049", "\u82b3"), "\u00b0\u00b6"),
        ("shift_jis", ("\u592a\u90ce", "\u82b1\u5b50"), "\u2018\u00be\u02dcY"),
        (
            "cp1251",
            ("\u0418\u0432\u0430\u043d", "\u041c\u0430\u0440\u0438\u044f"),
            "\u00c8\u00e2\u00e0\u00ed",
        ),
        ("cp1250", ("\u0141ukasz", "\u017b\u00f3\u0142\u0107"), "\u00af\u00f3\u00b3\u00e6"),
        ("cp1250", ("Micha\u0142", "Ada"), "Micha\u00b3"),
        ("cp1250", ("m\u0142ynarz", "Ada"), "m\u00b3ynarz"),
        ("shift_jis", ("\u30dd\u30b9\u30c8", "Ada"), "\u0192|\u0192X\u0192g"),
        ("mac_roman", ("\u00c9cole", "Ada"), "\u0192cole"),
        ("mac_roman", ("voil\u00e0", "Ada"), "voil\u02c6"),
    ],
)
def test_text_that_reads_like_no_words_is_asked_about(
    tmp_path: Path, encoding: str, names: tuple[str, str], as_windows: str
) -> None:
    path = table(tmp_path, encoding, *names)

    with pytest.raises(InvalidValueError) as refused:
        cases_of(path)

    sentence = refused.value.complaints[0].sentence
    assert f"a cell of it is {as_windows!r} in cp1252 (Windows)" in sentence
    assert f" in {encoding}" in sentence
    assert sentence.endswith("Say which encoding it has (--encoding NAME), or save it as CSV UTF-8.")
    read = cases_of(path, encoding=encoding)
    assert [case.values["personal.firstname"] for case in read] == list(names)


@pytest.mark.parametrize("before", ["", "a", "ab " * 30])
@pytest.mark.parametrize("word", ["\u6771\u4eac\u30dd\u30b9\u30c8", "\u592a\u90ce"])
@pytest.mark.parametrize("times", [1, 9, 300])
def test_cells_of_any_length_are_read_by_whole_letters(
    tmp_path: Path, before: str, word: str, times: int
) -> None:
    path = table(tmp_path, "shift_jis", before + word * times, "Ada")

    with pytest.raises(InvalidValueError, match=" in shift_jis"):
        cases_of(path)


def test_bytes_that_windows_does_not_have_are_asked_about(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="a cell of it is 'J\u00fcrgen' in cp850"):
        cases_of(table(tmp_path, "cp850", "J\u00fcrgen", "Zo\u00eb"))


@pytest.mark.parametrize(
    "name",
    [
        "O\u2019Connor", "Gro\u00df", "Stra\u00dfe 5 \u00a7 3", "\u201eHallo\u201c", "\u00bbx\u00ab",
        "\u00bfQu\u00e9?", "M\u00fcller\u2013Meyer", "5 m\u00b2", "\u00c4\u00d6\u00dc", "\u00c5sa",
        "\u00c9COLE", "\u00deord\u00eds", "CAF\u00c9\u2019S", "\u0152uvre", "\u0160imek", "1 234,56 \u20ac",
        "2\u00ba piso", "\u00b110", "Raum 20 \u00b0C", "20\u00b0C", "N\u00b0Client",
        "n\u00b05", "\u00aeBrand", "Brand\u00ae",
        "\u00a9Acme", "x\u00d7y", "3 \u00d7 4", "10cm\u00d75", "10 \u00b5m",
        "2\u00aa planta 5 \u00b5l 3\u00ba", "\u00a7\u00a7 3, 4", "\u20ac\u20ac\u20ac", "5 Mio\u20ac",
        "9\u20ac", "\u201eJa\u201d",
        "Ja\u2026", "1\u00bd", "\u00bdl", "\u00bd Liter", "W/m\u00b2K", "m\u00b3", "x\u00b3",
        "\u00abLe Chat\u00bb", "Acme\u2122", "Mc\u00c9wan", "Mac\u00c9wan",
    ],
)  # fmt: skip
def test_windows_text_that_reads_like_words_is_read_and_said(tmp_path: Path, name: str) -> None:
    cases = cases_of(table(tmp_path, "cp1252", name, "Zo\u00eb"))

    assert cases[0].values["personal.firstname"] == name
    assert "was read as Windows text (cp1252), such as " in cases.notes[0]


@pytest.mark.parametrize("encoding", ["utf-32", "utf-16", "utf-8-sig"])
def test_a_mark_at_the_beginning_says_it(tmp_path: Path, encoding: str) -> None:
    assert (
        cases_of(table(tmp_path, encoding, "Zo\u00eb", "\u5f20"))[1].values["personal.firstname"] == "\u5f20"
    )


@pytest.mark.parametrize(
    ("encoding", "sentence"),
    [
        ("utf-8", "is not in utf-8: byte 0xEB in line 3 is none of its letters."),
        ("klingon", "encoding must be the name of one, such as cp1252 or mac_roman; got 'klingon'."),
        ("base64", "encoding must be the name of one, such as cp1252 or mac_roman; got 'base64'."),
    ],
)
def test_an_encoding_that_it_is_not_in_is_refused(tmp_path: Path, encoding: str, sentence: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        cases_of(table(tmp_path, "cp1252", "Ada", "Zo\u00eb"), encoding=encoding)

    assert refused.value.complaints[0].sentence.endswith(sentence)


def test_the_command_takes_the_encoding_and_keeps_it_in_the_mapping(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    path = table(tmp_path, "mac_roman", "J\u00fcrgen", "Zo\u00eb")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r"))  # as old Macs end lines

    assert main(["columns", str(path)]) == 2
    assert main(["columns", str(path), "--encoding", "mac_roman", "--map", "m.toml"]) == 0
    assert 'encoding = "mac_roman"' in Path("m.toml").read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(["columns", str(path), "--map", "m.toml"]) == 0
    assert cases_of(path, columns="m.toml")[0].values["personal.firstname"] == "J\u00fcrgen"
