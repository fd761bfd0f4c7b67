"""The notebooks and the sample data: found from anywhere, copied with care, and what their page says."""

from __future__ import annotations

import csv
import json
import os
import re
import tomllib
from pathlib import Path

import pytest

import lpnb
from lpnb.cli.main import main
from lpnb.samples import files
from lpnb.samples.files import copy_samples

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
PAYLOADS = {
    file: (skill, decided)
    for file, skill, decided in re.findall(
        r"^\| `([\w-]+\.json)` \| .* \| (.+) \| (\w+) \|$", PAGE, re.MULTILINE
    )
}


# --- found -----------------------------------------------------------------------------------------------


def test_a_sample_is_found_whatever_folder_one_is_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert lpnb.sample("campaigns.csv") == ROOT / "data" / "campaigns.csv"
    assert lpnb.sample() == ROOT / "data"


def test_a_sample_that_there_is_not_is_refused_with_those_there_are():
    with pytest.raises(lpnb.InvalidValueError) as caught:
        lpnb.sample("payload/vip.json")

    assert str(caught.value).startswith(
        "name must be one of the samples; got 'payload/vip.json'. Did you mean 'payloads/vip.json'?"
        " There are 'README.md', 'campaigns.csv', "
    )


def test_a_path_that_leaves_the_folder_is_no_sample():
    with pytest.raises(lpnb.InvalidValueError):
        lpnb.sample("../pyproject.toml")


# --- copied ----------------------------------------------------------------------------------------------


def test_copying_brings_the_notebooks_and_the_data(tmp_path, capsys):
    assert main(["notebooks", "copy", str(tmp_path / "new" / "place")]) == 0

    copied = {
        path.relative_to(tmp_path / "new" / "place").as_posix()
        for path in (tmp_path / "new" / "place").rglob("*")
        if path.is_file()
    }
    notebooks = {path.name for path in (ROOT / "notebooks").glob("*.*")}
    data = {path.relative_to(ROOT).as_posix() for path in (ROOT / "data").rglob("*.*")}
    assert copied == notebooks | data
    assert capsys.readouterr().out == f"{tmp_path / 'new' / 'place'}: {len(copied)} new.\n"


def test_copying_again_changes_nothing_and_keeps_what_someone_has_changed(tmp_path):
    copy_samples(tmp_path)
    (tmp_path / "00-quickstart.ipynb").write_text("mine", encoding="utf-8")
    (tmp_path / "data" / "campaigns.csv").unlink()

    copied = copy_samples(tmp_path)

    assert (tmp_path / "00-quickstart.ipynb").read_text(encoding="utf-8") == "mine"
    assert str(copied) == (
        f"{tmp_path}: 1 new.\n"
        "Kept, because they are not as we know them: 00-quickstart.ipynb. --force replaces them."
    )
    assert copied.new == ("data/campaigns.csv",)


def test_force_replaces_what_someone_has_changed(tmp_path, capsys):
    copy_samples(tmp_path)
    changed = tmp_path / "00-quickstart.ipynb"
    changed.write_text("mine", encoding="utf-8")

    assert main(["notebooks", "copy", str(tmp_path), "--force"]) == 0

    assert capsys.readouterr().out == f"{tmp_path}: nothing new, 1 replaced.\n"
    assert changed.read_bytes() == (ROOT / "notebooks" / "00-quickstart.ipynb").read_bytes()
    assert list(tmp_path.rglob("*.part")) == []


@pytest.mark.skipif(os.name == "nt", reason="links")
def test_a_link_is_somebody_s_work_and_what_it_leads_to_is_never_written_over(tmp_path):
    elsewhere = tmp_path / "elsewhere.ipynb"
    elsewhere.write_text("mine", encoding="utf-8")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "00-quickstart.ipynb").symlink_to(elsewhere)

    assert copy_samples(folder).kept == ("00-quickstart.ipynb",)
    assert copy_samples(folder, force=True).replaced == ("00-quickstart.ipynb",)
    assert elsewhere.read_text(encoding="utf-8") == "mine"


def test_a_folder_that_cannot_be_made_is_one_sentence_and_status_1(tmp_path, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")

    assert main(["notebooks", "copy", str(tmp_path / "file" / "below")]) == 1

    said = capsys.readouterr().err
    assert said.startswith(f"{tmp_path / 'file' / 'below'} could not be written: ")
    assert "Traceback" not in said


def test_copying_to_nowhere_is_a_wrong_call(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["notebooks", "copy"])

    assert caught.value.code == 2
    assert "the following arguments are required: DIR" in capsys.readouterr().err


def test_an_installed_package_opens_a_copy_of_what_is_inside_it(tmp_path, monkeypatch, capsys):
    from lpnb.cli import notebooks

    for what in ("notebooks", "data"):
        inside = tmp_path / "package" / "samples" / "bundled" / what
        inside.mkdir(parents=True)
        (inside / ("00-quickstart.ipynb" if what == "notebooks" else "a.csv")).write_text(
            "{}", encoding="utf-8"
        )
    monkeypatch.setattr(files, "__file__", str(tmp_path / "package" / "samples" / "files.py"))

    opened = notebooks.notebooks_folder(None)

    assert opened == tmp_path / "notebooks"
    assert (opened / "data" / "a.csv").exists()
    assert capsys.readouterr().err == "Copying the notebooks to ./notebooks.\n"


# --- what the page of the data says ----------------------------------------------------------------------


def test_every_file_of_the_sample_data_is_on_its_page():
    files = {path.name for path in (ROOT / "data").rglob("*") if path.is_file()} - {"README.md", "make.py"}

    assert {name for name in files if f"`{name}`" not in PAGE and f"## {name}" not in PAGE} == set()


def test_every_column_of_the_sample_data_is_on_its_page():
    for file in (ROOT / "data").rglob("*.csv"):
        with file.open(encoding="utf-8", newline="") as opened:
            columns = next(csv.reader(opened))
        heading = file.name if file.parent.name == "data" else file.parent.name
        [section] = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)

        assert [name for name in columns if f"`{name}`" not in section] == []


def test_campaigns_are_those_of_the_world_that_the_sandbox_plays():
    world = tomllib.loads((ROOT / "lpnb/sandbox/world/default_world.toml").read_text(encoding="utf-8"))[
        "accounts"
    ][0]
    campaigns = {campaign["id"]: campaign for campaign in world["campaigns"]}
    with lpnb.sample("campaigns.csv").open(encoding="utf-8", newline="") as opened:
        rows = [tuple(row.values())[:7] for row in csv.DictReader(opened)]

    assert rows == [
        (
            str(each["campaign"]),
            campaigns[each["campaign"]]["name"],
            str(campaigns[each["campaign"]]["priority"]),
            str(each["id"]),
            each["name"],
            each["skill"],
            each["language"],
        )
        for each in sorted(world["engagements"], key=lambda each: campaigns[each["campaign"]]["priority"])
    ]


def test_every_payload_lands_where_its_page_says(client, sandbox):
    landed = {}
    for file in sorted(lpnb.sample("payloads").glob("*.json")):
        reply = client.send_batch(lpnb.RawBatch(file.read_text(encoding="utf-8")), f"consumer-{file.stem}")
        trace = sandbox.trace(reply.conversation_id)
        landed[file.name] = (trace["skillName"], trace["decidedBy"])

    assert landed == PAYLOADS
    assert len(landed) == 10


def test_every_payload_but_the_wrong_ones_is_a_valid_batch():
    wrong = {}
    for file in sorted(lpnb.sample("payloads").glob("*.json")):
        try:
            lpnb.ConversationBatch.from_wire(file.read_text(encoding="utf-8"))
        except lpnb.InvalidValueError as error:
            wrong[file.name] = len(error.complaints)

    assert wrong == {"wrong-gender-and-date.json": 3}


def test_the_payload_with_every_field_has_every_field():
    frames = json.loads(lpnb.sample("payloads/every-field.json").read_text(encoding="utf-8"))
    customer, person = frames[0]["body"]["authenticatedData"]["lp_sdes"]

    assert set(customer["info"]) == {
        about.alias for name, about in lpnb.CustomerInfo.model_fields.items() if name not in ("auth", "extra")
    }
    assert set(person["personal"]) == {
        about.alias for name, about in lpnb.PersonalInfo.model_fields.items() if name not in ("auth", "extra")
    }
