"""Commands and files of pages that want a reader's own: run on such files, and loaded as what they are."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import pandas as pd
import pytest

import lpnb
from lpnb.cli.main import main
from lpnb.sandbox.world.loader import parse_world

PAGES = Path(__file__).parents[2] / "docs"
ROWS = [{"ctmrinfo.customerId": "000417", "ctmrinfo.ctype": "vip"},
        {"ctmrinfo.customerId": "000418", "ctmrinfo.ctype": "gold"}]  # fmt: skip


def command(page: str, beginning: str) -> list[str]:
    """The arguments of the command of a page that begins so."""
    (line,) = re.findall(rf"^{re.escape(beginning)}.*$", (PAGES / page).read_text("utf-8"), re.MULTILINE)
    return shlex.split(line, comments=True)[1:]


@pytest.fixture
def folder(tmp_path, monkeypatch, sandbox):
    """A workbook with its mapping, and the journals of two days, between which the world was changed."""
    monkeypatch.chdir(tmp_path)
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    pd.DataFrame({"Kundennummer": ["000417", "000418"], "Kundentyp": ["vip", "gold"]}).to_excel(
        "kunden.xlsx", index=False
    )
    assert main(command("how-to/send-from-csv.md", "lpnb columns kunden.xlsx")) == 0
    with lpnb.Client(lpnb.Settings.of(sandbox.environment())) as client:
        for day, is_online in (("monday", True), ("tuesday", False)):
            sandbox.set_online("Sofia Lindqvist", is_online)  # the adviser of Private Clients
            steps = lpnb.Steps(landing=True, close=True)
            lpnb.run_experiment(client, ROWS, steps=steps, journal=f"runs/{day}.sqlite", progress=False)
    return tmp_path


@pytest.mark.parametrize(
    ("page", "beginning", "status", "written"),
    [
        ("how-to/send-from-csv.md", "lpnb send kunden.xlsx", 0, "ergebnis.xlsx"),
        ("how-to/compare-two-runs.md", "lpnb compare runs/monday.sqlite", 1, "moved.csv"),
        ("how-to/what-decides.md", "lpnb report runs/tuesday.sqlite", 0, "tuesday.html"),
    ],
)
def test_a_command_of_a_page_runs_on_files_such_as_it_names(folder, page, beginning, status, written, capsys):
    assert main(command(page, beginning)) == status

    if written == "ergebnis.xlsx":
        table = pd.read_excel(written, dtype=str)
        assert table["Kundennummer"].tolist() == ["000417", "000418"]
        assert table["landed_skill"].notna().all()
    elif written == "moved.csv":
        assert pd.read_csv(written)["change"].tolist() == ["moved", "stayed"]
    else:
        assert "Private Clients" in Path(written).read_text(encoding="utf-8")


def test_the_events_that_the_page_of_webhooks_asks_for_are_those_of_an_installation():
    page = (PAGES / "how-to" / "webhooks.md").read_text("utf-8")
    (asked,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    events = json.loads(asked)["capabilities"]["webhooks"]

    world = (PAGES / "sandbox.md").read_text("utf-8").split("```toml\n")[1].partition("```")[0]
    first, _, rest = world.partition("[[accounts.api_keys]]")
    tables = "".join(
        f'[accounts.installations.webhooks."{name}"]\n'
        + "".join(f"{key} = {json.dumps(value)}\n" for key, value in event.items())
        for name, event in events.items()
    )
    installation = parse_world(f"{first}{tables}[[accounts.api_keys]]{rest}").accounts[0].installations[0]

    webhooks = installation.webhooks
    assert webhooks is not None
    assert webhooks.retry.retention_time == 3600
    assert webhooks.chat_state.max_retries == 0


ACCOUNT = tomllib.loads((Path(lpnb.__file__).parent / "sandbox/world/default_world.toml").read_text("utf-8"))[
    "accounts"
][0]


def in_code(values):
    return " or ".join(f"`{value}`" for value in values)


def rows_of_sde_rules():
    """The table's row for each rule about SDEs of the sandbox's own account."""
    for rule in ACCOUNT["sde_rules"]:
        yield f"| `{rule['field']}` | {in_code(rule['values'])} | {rule['skill']} |"


def rows_of_engagements():
    """The table's row for each engagement of the sandbox's own account, its campaigns by their priority."""
    campaigns = {each["id"]: each for each in sorted(ACCOUNT["campaigns"], key=lambda each: each["priority"])}
    for engagement in sorted(
        ACCOUNT["engagements"], key=lambda each: list(campaigns).index(each["campaign"])
    ):
        target = engagement.get("target", {})
        said = (
            [{"auth": "signed in", "unauth": "not signed in"}[target["identity"]]]
            if "identity" in target
            else []
        )
        for name, words in (("entry_points", "the page is"), ("languages", "the language is")):
            said += [f"{words} {in_code(target[name])}"] if name in target else []
        for field, values in target.get("sdes", {}).items():
            said.append(
                f"`{field}` is {values['min']:,} or more"
                if "min" in values
                else f"`{field}` is {in_code(values)}"
            )
        name = f"{campaigns[engagement['campaign']]['name']}: {engagement['name']} (`{engagement['id']}`)"
        yield f"| {name} | {'; '.join(said) or 'everybody'} | {engagement['skill']} |"


def test_the_page_of_the_sandbox_has_every_rule_of_its_own_account():
    page = (PAGES / "sandbox.md").read_text("utf-8")
    part = page.partition("### The rules of the sandbox's own bank")[2].partition("\n## ")[0]
    rows = [line for line in part.splitlines() if line.startswith("|")]

    head = [row for row in rows if row.startswith(("| field", "| campaign:", "|---"))]
    assert [row for row in rows if row not in head] == [*rows_of_sde_rules(), *rows_of_engagements()]
