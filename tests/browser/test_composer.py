"""The quickstart and its composer in a real Chromium under JupyterLab: what a person does and sees."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "00-quickstart.ipynb"
ALONE = "import lpnb\n\ncomposer = lpnb.Composer()\ncomposer"
HOSTILE = '<img src=x onerror="window.evil = 1"><script>window.evil = 1</script>'

Notebook = Callable[..., Page]
Panel = Callable[[Page], Locator]
Picture = Callable[[Locator, str], None]


def say(panel: Locator, label: str, text: str) -> None:
    panel.get_by_label(label, exact=True).fill(text)


def press(panel: Locator, button: str) -> None:
    panel.get_by_role("button", name=button, exact=True).click()


def wait_until(panel: Locator, state: str) -> Locator:
    status = panel.get_by_role("status")
    expect(status).to_have_attribute("data-state", state, timeout=15_000)
    return status


def test_the_quickstart_runs_and_its_composer_opens_a_conversation(
    notebook: Notebook, panel: Panel, picture: Picture
) -> None:
    page = notebook(QUICKSTART)
    composer = panel(page)
    expect(composer.get_by_text(re.compile(r"^SANDBOX 127\.0\.0\.1:\d+ · Agent’s page"))).to_be_visible()

    say(composer, "First name", "John")
    say(composer, "Last name", "Doe")
    say(composer, "Gender", "MALE")
    say(composer, "Customer type", "vip")
    preview = composer.get_by_label("JSON preview")
    expect(preview).to_contain_text('"firstname": "John"')
    expect(preview.locator(".c").first).to_contain_text("{")
    press(composer, "Send")
    status = wait_until(composer, "done")

    conversation = composer.get_by_label("Conversation id", exact=True).input_value()
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", conversation)
    expect(status).to_have_text(f"Conversation {conversation} is open.")
    rows = composer.get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(3)
    columns = rows.nth(0).get_by_role("columnheader").all_inner_texts()
    assert rows.nth(2).locator("td").nth(columns.index("conversation")).inner_text() == conversation
    assert rows.nth(2).locator("td").nth(columns.index("ok")).inner_text() == "yes"
    consumer = composer.get_by_label("Consumer id", exact=True).input_value()
    assert rows.nth(2).locator("td").nth(0).inner_text() == consumer
    picture(composer, "composer-light")
    tables = page.locator(".jp-OutputArea-output:visible table.dataframe")
    expect(tables).to_have_count(2)
    picture(tables.last, "table")


def test_nonsense_is_complained_about_at_its_field_and_is_not_sent(
    notebook: Notebook, panel: Panel, picture: Picture
) -> None:
    composer = panel(notebook(ALONE))

    press(composer, "More about the customer")
    say(composer, "Company size", "abc")
    complaint = composer.get_by_role("alert").filter(has_text="! companySize")
    expect(composer.locator(".lpnb-note [role=alert]")).to_have_text(
        "companySize must be a whole number; got 'abc'."
    )
    expect(composer.locator(".lpnb-says [role=alert]")).to_have_text("Not sendable yet: 1 value is wrong")
    jump = composer.get_by_role(
        "button",
        name="[0].body.authenticatedData.lp_sdes[0].info.companySize must be a whole number; got 'abc'.",
    )
    jump.click()
    expect(composer.get_by_label("Company size", exact=True)).to_be_focused()
    expect(complaint).to_have_count(0)  # the mark before it is no part of the text
    press(composer, "Send")
    expect(wait_until(composer, "failed")).to_have_text("Not sent: 1 value to fix first.")
    picture(composer, "complaint")

    say(composer, "Company size", "500")
    expect(composer.get_by_role("alert")).to_have_count(0)
    expect(composer.get_by_label("JSON preview")).to_contain_text('"companySize": 500')


def test_typing_goes_on_while_a_complaint_appears_under_the_field(notebook: Notebook, panel: Panel) -> None:
    page = notebook(ALONE)
    composer = panel(page)
    press(composer, "More about the person")
    box = composer.get_by_label("Month of birth", exact=True)

    box.click()
    page.keyboard.type("13 months", delay=15)

    expect(box).to_be_focused()
    expect(box).to_have_value("13 months")
    expect(composer.locator(".lpnb-note [role=alert]")).to_have_text(
        "month must be a whole number; got '13 months'."
    )


def test_the_keyboard_alone_gets_from_the_first_field_to_the_answer(notebook: Notebook, panel: Panel) -> None:
    page = notebook(ALONE)
    composer = panel(page)
    composer.get_by_label("Consumer id", exact=True).focus()
    walked = []

    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "() => { const it = document.activeElement; const name = it.labels?.[0] ?? it;"
            " return name.textContent || it.getAttribute('aria-label') || it.outerHTML.slice(0, 200) }"
        )
        walked.append(focused.strip())
        if walked[-1] == "First name":
            page.keyboard.type("Ada")
        if walked[-1] == "Gender":
            page.keyboard.type("MALE")  # in JupyterLab m is a command, and it must not be taken for one
        if walked[-1] == "Send":
            page.keyboard.press("Enter")
            break

    assert [name for name in walked if not name.startswith("[")] == [
        "New id", "Skip to Send", "First name", "Last name", "Gender", "Email", "Phone", "Customer type",
        "Customer id", "More about the person", "More about the customer", "More of your own", "Skip to Send",
        "Campaign id", "Engagement id", "Skill id", "Urgency", "More about session and channel", "Send",
    ]  # fmt: skip
    wait_until(composer, "done")
    expect(composer.get_by_label("JSON preview")).to_contain_text('"firstname": "Ada"')
    expect(composer.get_by_label("JSON preview")).to_contain_text('"gender": "MALE"')
    composer.get_by_role("button", name="Clear", exact=True).focus()
    page.keyboard.press("Tab")
    expect(composer.get_by_role("button", name="Send again for a new consumer")).to_be_focused()
    page.keyboard.press("Tab")
    expect(composer.get_by_label("Conversation id", exact=True)).to_be_focused()
    assert (
        page.evaluate("document.getSelection().toString()")
        == composer.get_by_label("Conversation id", exact=True).input_value()
    )


def test_hostile_text_is_shown_as_text_and_nothing_of_it_runs(notebook: Notebook, panel: Panel) -> None:
    page = notebook(ALONE)
    composer = panel(page)

    for label in ("First name", "Email", "Customer type", "Consumer id"):
        say(composer, label, HOSTILE)
    say(composer, "Campaign id", HOSTILE[:37])  # the image alone: the sandbox takes ids of 64 characters
    press(composer, "More about the customer")
    say(composer, "Company size", HOSTILE)
    expect(composer.locator(".lpnb-note [role=alert]")).to_contain_text("got '<img src=x")
    say(composer, "Company size", "")
    press(composer, "Send")
    wait_until(composer, "done")
    press(composer, "Send")
    wait_until(composer, "ask")
    composer.get_by_label("Yes, send all the same", exact=True).check()
    press(composer, "Send")
    wait_until(composer, "failed")

    expect(composer.get_by_label("JSON preview")).to_contain_text("<img src=x onerror=")
    expect(composer.get_by_role("table")).to_contain_text(HOSTILE)
    expect(composer.locator("img, script")).to_have_count(0)
    assert page.evaluate("window.evil") is None


def test_an_unknown_outcome_is_said_and_a_second_send_asks_first(notebook: Notebook, panel: Panel) -> None:
    cut = (
        "import lpnb\n\nsandbox = lpnb.Sandbox().start()\n"
        "sandbox.fail('conversation', 'drop_after')\n"
        "lpnb.Composer(lpnb.Client(lpnb.Settings.of(sandbox.environment())))"
    )
    composer = panel(notebook(cut))
    press(composer, "Send")
    expect(wait_until(composer, "failed")).to_contain_text("Outcome unknown.")

    press(composer, "Send")
    expect(wait_until(composer, "ask")).to_contain_text("a conversation may exist already")
    composer.get_by_label("Yes, send all the same", exact=True).check()
    press(composer, "Send")

    expect(wait_until(composer, "failed")).to_contain_text("this consumer already has one open")
    expect(composer.get_by_label("Yes, send all the same", exact=True)).to_be_hidden()


def test_what_was_sent_is_at_hand_in_the_next_cell(notebook: Notebook, panel: Panel) -> None:
    page = notebook(ALONE, "composer.response", "composer.table()")
    composer = panel(page)
    press(composer, "Send")
    wait_until(composer, "done")
    conversation = composer.get_by_label("Conversation id", exact=True).input_value()

    for cell in (1, 2):
        page.locator(".jp-Notebook:visible .jp-CodeCell").nth(cell).locator(".cm-content").click()
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-cell')")

    outputs = page.locator(".jp-Notebook:visible .jp-CodeCell .jp-OutputArea-output")
    expect(outputs.nth(-2)).to_contain_text(f"Conversation {conversation} is open.")
    expect(outputs.nth(-1)).to_contain_text(conversation)


@pytest.mark.usefixtures("dark")
def test_it_is_readable_in_the_dark_theme(notebook: Notebook, panel: Panel, picture: Picture) -> None:
    composer = panel(notebook(ALONE))
    say(composer, "First name", "John")
    say(composer, "Gender", "MALE")
    say(composer, "Campaign id", "99999")
    press(composer, "Send")
    wait_until(composer, "done")

    faint = composer.evaluate(FAINT)

    assert faint == []
    picture(composer, "composer-dark")


def test_it_is_readable_in_the_light_theme_and_on_a_narrow_page(
    notebook: Notebook, panel: Panel, picture: Picture
) -> None:
    page = notebook(ALONE)
    composer = panel(page)
    press(composer, "More about the customer")
    say(composer, "Company size", "abc")
    press(composer, "Send")
    wait_until(composer, "failed")

    page.set_viewport_size({"width": 560, "height": 1000})

    # The page lays itself out anew in its own time.
    page.wait_for_function(
        "() => document.querySelector('.lpnb-composer').getBoundingClientRect().width < 480"
    )
    assert composer.evaluate("it => it.scrollWidth <= it.clientWidth")
    assert composer.evaluate(FAINT) == []
    unnamed = composer.evaluate(
        "it => [...it.querySelectorAll('input, select')].filter(box => box.checkVisibility()"
        " && !box.labels?.[0]?.textContent).length"
    )
    assert unnamed == 0
    page.set_viewport_size({"width": 1360, "height": 1000})


# Texts whose contrast to what is behind them is below 4.5, as WCAG 2 counts it.
FAINT = """panel => {
  const parse = text => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const luminance = rgb => {
    const linear = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = rgb.slice(0, 3).map(linear);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of panel.querySelectorAll('*')) {
    const holds = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    const box = element.matches('input, select');
    if (!(holds || box) || !element.checkVisibility() || element.matches('style, option')) continue;
    const colors = [getComputedStyle(element).color];
    if (box) colors.push(getComputedStyle(element, '::placeholder').color);
    for (const color of colors) {
      const [a, b] = [luminance(parse(color)), luminance(behind(element))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) found.push(`${element.className || element.tagName} ${ratio.toFixed(2)}`);
    }
  }
  return found;
}"""
