"""The first use of each word of the glossary, in README, pages and notebooks, leads to the glossary."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = (ROOT / "notebooks" / "glossary.md").read_text(encoding="utf-8")
#: The anchors of words that not every reader knows, and how they are written.
WORDS = {
    "app-installation": "app installations?", "appjwt": "AppJWTs?", "batch": "batch(?:es)?",
    "campaign": "campaigns?", "campaigninfo": "`?campaignInfo`?", "connector": "connectors?",
    "consumerjws": "ConsumerJWS", "domain-api": "Domain API", "engagement": "engagements?(?! attribute)",
    "entry-point": "[Ee]ntry points?", "frame": "frames?", "idp": "IDP", "journal": "journals?",
    "landing": "landings?", "monitoring": "Monitoring(?: API)?", "outcome": "outcomes?", "reqid": "`?reqId`?",
    "sde": "SDEs?", "sentinel": "Sentinel", "skill": "skills?", "webhook": "[Ww]ebhooks?",
}  # fmt: skip
TEXTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
    *sorted((ROOT / "notebooks").glob("*.ipynb")),
]
_ASIDE = re.compile(
    r"^(`{3,}).*?^\1$|<picture>.*?</picture>|^#+ [^\n]*|`[^`\n]*`|\[(?:[^\[\]]|\[[^\]]*\])*\]\([^)\s]+\)",
    re.DOTALL | re.MULTILINE,
)


def prose(file: Path) -> str:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    # What is a link to the glossary already becomes a sign of its own; code, headings and other links go.
    text = re.sub(
        r"\[[^\]]*\]\((?:[^)\s]*/)?glossary\.md#([\w-]+)\)", lambda link: f"<<{link[1].lower()}>>", text
    )
    return _ASIDE.sub("", text)


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.name)
def test_the_first_use_of_a_word_leads_to_the_glossary(file):
    text = prose(file)

    unlinked = [
        word
        for anchor, word in WORDS.items()
        if (used := re.search(rf"(?<![\w.<*/-]){word}(?![\w(>])", text)) is not None
        and f"<<{anchor}>>" not in text[: used.start()]
    ]

    assert unlinked == []


def test_every_entry_of_the_glossary_is_in_its_table_and_in_the_order_of_the_alphabet():
    entries = re.findall(r"^## (.+)$", GLOSSARY, re.MULTILINE)

    assert entries == sorted(entries, key=str.casefold)
    assert sorted(re.findall(r"\]\(#([\w-]+)\)", GLOSSARY)) == sorted(
        entry.lower().replace(",", "").replace(" ", "-") for entry in entries
    )
    assert set(WORDS) <= set(re.findall(r"\]\(#([\w-]+)\)", GLOSSARY))
