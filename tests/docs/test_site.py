"""The site that ``python3 dev.py docs`` builds: whole, and nothing in it comes from elsewhere.

Here it is built without running the notebooks, which have tests of their own; one is run to see its page.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

import lpnb

ROOT = Path(__file__).parents[2]
#: Attributes that make a browser fetch something by itself; a link that a reader may follow is not one.
FETCHED = {
    ("audio", "src"), ("embed", "src"), ("iframe", "src"), ("img", "src"), ("img", "srcset"),
    ("link", "href"), ("object", "data"), ("script", "src"), ("source", "src"), ("source", "srcset"),
    ("video", "src"),
}  # fmt: skip


class Page(HTMLParser):
    """What a page fetches, where its links lead, and which anchors it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name == "id" and value:
                self.anchors.add(value)
            if (tag, name) in FETCHED and value and not value.startswith("data:"):
                self.fetched.append(value)
            if (tag, name) == ("a", "href") and value:
                self.links.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("docs") / "site"
    built = subprocess.run(
        [sys.executable, "docs/site/build.py", "--without-running", "--out", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return out


@pytest.fixture(scope="module")
def html(site: Path) -> dict[str, Page]:
    return {
        file.relative_to(site).as_posix(): Page(file.read_text(encoding="utf-8"))
        for file in site.rglob("*.html")
    }


def outside(address: str) -> bool:
    return re.match(r"(?:[a-z]+:)?//", address) is not None


def test_no_page_fetches_anything_from_another_machine(html):
    assert len(html) > 10
    assert {(name, each) for name, page in html.items() for each in page.fetched if outside(each)} == set()


def test_no_style_sheet_fetches_anything_from_another_machine(site):
    found = {
        (file.name, address)
        for file in site.rglob("*.css")
        for address in re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")\s]+)", file.read_text(encoding="utf-8"))
        if outside(address)
    }

    assert found == set()


def test_everything_a_page_fetches_is_there(site, html):
    missing = [
        (name, each)
        for name, page in html.items()
        for each in page.fetched
        if not (site / name).parent.joinpath(unquote(each.split("?")[0].split("#")[0])).exists()
    ]

    assert missing == []


def test_every_link_within_the_site_leads_to_a_page_and_to_a_place_on_it(site, html):
    broken = []
    for name, page in html.items():
        for link in page.links:
            path, _, anchor = unquote(link).partition("#")
            if re.match(r"[a-z]+:", link):
                continue
            target = ((site / name).parent / path).resolve() if path else site / name
            if target.suffix == ".md" and target.is_file():
                continue  # the page itself, as Markdown
            there = html.get(target.relative_to(site).as_posix()) if target.exists() else None
            if there is None or (anchor and anchor not in there.anchors):
                broken.append((name, link))

    assert broken == []


def test_every_public_name_has_its_place_in_the_reference(html):
    anchors = set().union(*(page.anchors for name, page in html.items() if name.startswith("reference/")))

    assert {f"lpnb.{name}" for name in lpnb.__all__} - anchors == set()


def test_no_public_name_is_without_a_page_of_its_job(reference):
    assert list(reference.names_by_job()) == list(reference.JOBS)


def test_every_page_of_the_docs_and_every_notebook_is_in_the_menu(html, pages):
    menu = {link.split("#")[0] for link in html["index.html"].links}
    shown = {page.replace(".md", ".html") for page in pages.site_pages().values()} - {"index.html"}

    assert shown - menu == set()


def test_a_model_is_shown_with_its_fields_and_not_with_the_model_library_s(site):
    text = (site / "reference" / "payloads.html").read_text(encoding="utf-8")

    assert "Two letters, such as US (ISO 3166-1)." in text
    assert "model_config" not in text
    assert "AfterValidator" not in text


def test_the_keyboard_reaches_what_scrolls_and_headings_have_a_level(site):
    pages = [file.read_text(encoding="utf-8") for file in site.rglob("*.html")]

    assert [page for page in pages if re.search(r'<(?:pre|div class="table-wrapper[^"]*")>', page)] == []
    assert [page for page in pages if re.search(r'role="heading"(?! aria-level)', page)] == []


def test_the_search_finds_each_answer_by_its_number(site):
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    entries = json.loads(index[index.index("(") + 1 : index.rindex(")")])["indexentries"]
    numbers = {page.stem for page in (site / "answers").glob("[0-9]*.html")}

    assert "40103" in numbers
    assert numbers - set(entries) == set()


def test_how_to_pages_stand_in_the_order_of_a_journey(site):
    listed = re.findall(
        r'href="how-to/([a-z0-9-]+)\.html"', (site / "index.html").read_text(encoding="utf-8")
    )
    menu = list(dict.fromkeys(listed))

    assert menu[:4] == ["install", "tasks", "explorer", "journey"]
    assert menu.index("go-live") < menu.index("verify-in-ci")


def test_each_page_has_buttons_that_copy_and_a_link_to_itself_as_markdown(site):
    page = (site / "how-to" / "journey.html").read_text(encoding="utf-8")

    assert 'src="../_static/copy.js' in page
    assert page.count('href="journey.md"') == 2
    assert "{toctree}" not in (site / "index.md").read_text(encoding="utf-8")


# --- the page of a notebook ------------------------------------------------------------------------------


def notebook(tmp_path: Path, *cells: str) -> Path:
    import nbformat

    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    nbformat.write(made, tmp_path / "made.ipynb")
    return tmp_path / "made.ipynb"


@pytest.mark.usefixtures("forked_programs")
def test_a_page_of_a_notebook_shows_text_html_and_pictures_behind_their_cells(tmp_path, notebook_pages):
    file = notebook(
        tmp_path,
        "print('said ```')",
        "from IPython.display import HTML, Image\nHTML('<b>bold</b>')",
        "import base64\nImage(base64.b64decode(\n"
        "'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=='))",
    )

    page = notebook_pages.page(file, tmp_path / "pictures", run=True)

    assert "````text\nsaid ```\n````" in page
    assert "```{raw} html\n<b>bold</b>\n```" in page
    assert "![The picture that the cell draws](made-2-0.png)" in page
    assert (tmp_path / "pictures" / "made-2-0.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("forked_programs")
def test_a_notebook_that_fails_ends_the_build_with_its_name_and_without_colours(tmp_path, notebook_pages):
    with pytest.raises(notebook_pages.FailedNotebookError) as caught:
        notebook_pages.page(notebook(tmp_path, "1 / 0"), tmp_path, run=True)

    assert str(caught.value).startswith("made.ipynb does not run:\n")
    assert "ZeroDivisionError: division by zero" in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.usefixtures("forked_programs")
def test_a_notebook_that_complains_on_standard_error_ends_the_build(tmp_path, notebook_pages):
    with pytest.raises(notebook_pages.FailedNotebookError) as caught:
        notebook_pages.page(
            notebook(tmp_path, "import sys\nprint('mind', file=sys.stderr)"), tmp_path, run=True
        )

    assert str(caught.value) == "made.ipynb complains:\nmind\n"


def test_every_page_is_there_as_markdown_and_listed_for_assistants(site, pages):
    listed = re.findall(r"^- \[.+\]\((.+)\)$", (site / "llms.txt").read_text(encoding="utf-8"), re.MULTILINE)

    assert [page for page in listed if not (site / page).is_file()] == []
    assert [page for page in pages.site_pages().values() if page not in listed] == []
    assert "answers/40103.md" in listed
    reference = {file.stem: file.read_text(encoding="utf-8") for file in (site / "reference").glob("*.md")}
    assert "## Client(" in reference["connect-and-send"]
    assert "## Age(age=None, year=None" in reference["payloads"]
    assert [name for name, text in reference.items() if " at 0x" in text] == []
