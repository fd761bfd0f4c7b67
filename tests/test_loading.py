"""What is loaded when: importing the package costs next to nothing, and each part comes when it is used."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import lpnb


def loaded_after(code: str) -> set[str]:
    """The modules of a fresh Python that has run *code*."""
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_nothing_of_weight():
    loaded = loaded_after("import lpnb")

    heavy = {"pandas", "pyarrow", "numpy", "ipywidgets", "IPython", "httpx", "aiohttp", "pydantic", "dotenv"}
    heavy |= {"starlette", "uvicorn", "joserfc", "asyncio"}
    assert heavy & loaded == set()
    assert {name for name in loaded if name.startswith("lpnb")} == {"lpnb"}


def test_the_client_loads_neither_tables_nor_models_nor_the_server():
    loaded = loaded_after("import lpnb\nlpnb.Client")

    assert {"pandas", "pyarrow", "numpy", "pydantic", "aiohttp", "ipywidgets", "IPython"} & loaded == set()
    assert {"starlette", "uvicorn", "lpnb.sandbox"} & loaded == set()
    assert "httpx" in loaded


WITHOUT_TABLES = [
    "pandas",
    "numpy",
    "pyarrow",
    "joserfc",
    "lpnb.sandbox.agent_page.routes",
    "lpnb.sandbox.app.openapi",
    "lpnb.sandbox.app.replay",
    "lpnb.sandbox.control.http_api",
    "lpnb.sandbox.services.agent_login",
    "lpnb.sandbox.services.history",
    "lpnb.sandbox.services.monitoring",
]


def test_sending_a_few_rows_loads_neither_tables_nor_what_the_sandbox_does_not_need_for_them(tmp_path):
    cases = tmp_path / "cases.csv"
    cases.write_text("case,ctmrinfo.ctype,personal.firstname\none,vip,Ann\n")
    code = (
        "import os, sys, lpnb\nfrom lpnb.cli.main import main\n"
        "with lpnb.Sandbox() as sandbox:\n"
        "    os.environ.update(sandbox.environment())\n"
        f"    os.chdir({str(tmp_path)!r})\n"
        "    for name in ('table.csv', 'table.parquet'):\n"
        "        arguments = ['send', 'cases.csv', '--out', name, '--quiet', '--journal', name + '.sqlite']\n"
        "        assert main(arguments) == 0\n"
        f"        print([name for name in {WITHOUT_TABLES} if name in sys.modules])\n"
    )

    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )

    assert ran.stdout == "[]\n[]\n"


def test_the_sandbox_loads_nothing_of_the_client():
    loaded = loaded_after("import lpnb\nlpnb.Sandbox")

    ours = {name for name in loaded if name.startswith("lpnb.") and not name.startswith("lpnb.sandbox")}
    assert ours <= {"lpnb._version"}
    assert {"pandas", "numpy", "IPython", "ipywidgets"} & loaded == set()


def test_the_builders_load_no_http():
    loaded = loaded_after(
        "import lpnb\nlpnb.PersonalInfo(firstname='John')\nlpnb.CampaignInfo(campaign_id=1)"
    )

    assert {"httpx", "aiohttp", "pandas", "starlette"} & loaded == set()


def test_every_public_name_is_listed_in_order_and_can_be_had():
    assert list(lpnb.__all__) == sorted(lpnb.__all__)
    assert set(lpnb.__all__) <= set(dir(lpnb))
    for name in lpnb.__all__:
        if name not in ("Composer", "NULL"):
            assert getattr(lpnb, name).__name__ == name


def test_a_name_that_is_not_there_says_so():
    with pytest.raises(
        AttributeError, match=r"^module 'lpnb' has no attribute 'Clinet'\. Did you mean 'Client'\?$"
    ):
        lpnb.Clinet  # noqa: B018


def test_the_version_is_the_installed_one():
    from importlib.metadata import version

    assert lpnb.__version__ == version("lpnb")
