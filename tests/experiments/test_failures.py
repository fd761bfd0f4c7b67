"""The failures of a run, grouped by cause."""

from __future__ import annotations

import lpnb
from lpnb.cli.main import main
from lpnb.experiments.runs.failures import failure_groups


def columns(*rows):
    names = ("case", "outcome", "http_status", "code", "message")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def test_messages_that_differ_by_ids_and_quoted_values_are_one_cause():
    taken = "consumer '{}' has the open conversation {}"
    one, two = "03b62f91-8528-4808-b677-010c36de919f", "13b62f91-8528-4808-b677-010c36de919f"

    groups = failure_groups(
        columns(
            ("a", "answered", 200, "OK", None),
            ("b", "refused", 403, None, "no"),
            ("c", "refused", 200, "BAD_REQUEST", taken.format("x", one)),
            ("d", "refused", 200, "BAD_REQUEST", taken.format("y", two)),
            ("e", "planned", None, None, None),
            ("f", "unknown", None, None, None),
        )
    )

    assert [str(group) for group in groups] == [
        f"2 refused, 200, BAD_REQUEST: {taken.format('x', one)} (first: c)",
        "1 refused, 403: no (first: b)",
        "1 unknown (first: f)",
    ]


def test_a_run_in_which_all_were_answered_has_no_failures(sandbox, open_client):
    with lpnb.Client(lpnb.Settings.of(sandbox.environment())) as client:
        run = lpnb.run_experiment(client, [{"skillId": "2741903011"}], progress=False)

    assert run.failures().shape == (0, 6)
    assert dict(run.failures().dtypes.astype(str))["http_status"] == "Int64"


def test_the_command_names_the_causes_and_how_many_each_has(sandbox, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    sandbox.fail("conversation", "status", code=403, times=2)
    (tmp_path / "rows.csv").write_text("skillId\n" + "2741903011\n" * 3, encoding="utf-8")

    assert main(["send", "rows.csv", "--concurrency", "1", "--quiet"]) == 1

    assert "2 refused, 403" in capsys.readouterr().err
