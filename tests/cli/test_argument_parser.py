"""What the command line answers to words that it does not know."""

from __future__ import annotations

import pytest

from lpnb.cli.main import main


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("send x.csv --concurency 5", "lpnb send has no option --concurency. Did you mean '--concurrency'?"),
        ("verify x.csv --jnuit=y.xml", "lpnb verify has no option --jnuit. Did you mean '--junit'?"),
        ("doctor --profle live", "lpnb doctor has no option --profle. Did you mean '--profile'?"),
        ("sned x.csv", "lpnb has no command 'sned'. Did you mean 'send'?"),
        ("notebooks cpy", "lpnb notebooks has no command 'cpy'. Did you mean 'copy'?"),
        ("demo now", "lpnb demo does not know what to do with 'now'."),
        ("sandbox --sede 7", "lpnb sandbox has no option --sede. Did you mean '--seed'?"),
    ],
)
def test_an_unknown_word_is_answered_with_the_nearest(capsys, call, sentence):
    try:
        status = main(call.split())
    except SystemExit as end:
        status = end.code

    assert status == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.splitlines()[0] == sentence


FORGED = "a\n::warning::x\r\x1b[31m\u202e##[error]"


@pytest.mark.parametrize(
    "call",
    [
        ["explain", FORGED],
        ["send", f"--{FORGED}"],
        ["demo", FORGED],
        [FORGED],
        ["send", FORGED],
        ["verify", FORGED],
        ["compare", FORGED, FORGED],
        ["columns", FORGED],
        ["report", FORGED],
        ["world", FORGED],
        ["doctor", "--profile", FORGED],
        ["lab", f"--dir={FORGED}"],
        ["notebooks", "copy", f"{FORGED}/x"],
    ],
    ids=lambda call: call[0][:8].strip(),
)
def test_a_file_or_option_that_is_named_to_forge_a_line_forges_none(capsys, call):
    try:
        status = main(call)
    except SystemExit as end:
        status = end.code

    written = "".join(capsys.readouterr())
    assert status in (0, 1, 2)
    assert not any(line.lstrip().startswith(("::", "##[")) for line in written.split("\n"))
    assert set(written) & set("\r\x1b\u202e") == set()


def test_a_word_that_is_near_to_nothing_is_answered_with_where_help_is(capsys):
    with pytest.raises(SystemExit):
        main(["send", "x.csv", "--zzz"])

    assert (
        capsys.readouterr().err == "lpnb send has no option --zzz.\nlpnb send --help lists what there is.\n"
    )
