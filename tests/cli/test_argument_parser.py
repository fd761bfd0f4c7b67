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


def test_a_word_that_is_near_to_nothing_is_answered_with_where_help_is(capsys):
    with pytest.raises(SystemExit):
        main(["send", "x.csv", "--zzz"])

    assert (
        capsys.readouterr().err == "lpnb send has no option --zzz.\nlpnb send --help lists what there is.\n"
    )
