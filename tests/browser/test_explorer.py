"""The explorer in a real Chromium under JupyterLab: what a person does with it and sees."""

from __future__ import annotations

import re
from collections.abc import Callable

from explorer_page import (
    ALONE,
    HELD,
    HOSTILE,
    Notebook,
    Picture,
    explorer_of,
    press,
    run_cell,
    say,
    tab,
    wait_until,
)
from front_ends import Seen
from playwright.sync_api import Page, expect


def test_the_whole_way_while_the_theme_changes(
    notebook: Notebook, picture: Picture, change_theme: Callable[[str], None]
) -> None:
    explorer = explorer_of(notebook(ALONE))
    themes = ["light", "dark"]

    def look(name: str) -> None:
        """See it in the theme of before, and go on in the other."""
        for theme in themes:
            change_theme(theme)
            picture(explorer, f"explorer-{name}-{theme}")
        themes.reverse()

    press(explorer, "Check")
    expect(explorer.locator(".lpnb-facts")).to_contain_text("answers,")
    press(explorer, "Start from …")
    explorer.get_by_role("button", name="Persona · In arrears, urgent", exact=True).click()
    press(explorer, "Look it up with Monitoring")
    say(explorer, "Entry points", "sec://payments")
    press(explorer, "Ask Monitoring")
    explorer.get_by_role("button", name="Take it over", exact=True).click()
    expect(explorer.get_by_label("Campaign id", exact=True)).to_have_value("99999")
    say(explorer, "Last name", "Doe")
    press(explorer, "Send")
    wait_until(explorer, "done")
    look("compose")
    press(explorer, "Where it landed, and why")
    expect(explorer.locator(".lpnb-trace")).to_contain_text("decided")
    say(explorer, "Message", "Good morning")
    press(explorer, "Say")
    expect(explorer.get_by_role("log", name="Thread")).to_contain_text("Good morning")
    look("follow")
    tab(explorer, "Compose")
    press(explorer, "Send")
    expect(wait_until(explorer, "ask")).to_contain_text("Send again for a new consumer")
    explorer.get_by_label("Yes, send all the same", exact=True).check()
    press(explorer, "Send")
    wait_until(explorer, "failed")
    tab(explorer, "History")
    explorer.locator(".lpnb-row:visible").first.click()
    press(explorer, "Compare")
    expect(explorer.locator(".lpnb-diff")).to_contain_text("What came back")
    explorer.locator(".lpnb-note", has_text="With the tick").last.evaluate(
        "note => { note.innerHTML = note.innerHTML.replace(/\\S+(?=lpnb-history)/, '/home/ada/notebooks/') }"
    )
    look("history")
    tab(explorer, "Compose")
    press(explorer, "Reset")
    tab(explorer, "Experiment")
    say(explorer, "Values 1", "vip, business, lead")
    expect(explorer.locator(".lpnb-count")).to_have_text("6 cases")
    press(explorer, "Run")
    expect(explorer.locator(".lpnb-experiment .lpnb-status [data-state]")).to_have_attribute(
        "data-state", "done", timeout=30_000
    )
    expect(explorer.get_by_role("button", name="Stop", exact=True)).to_be_hidden()
    look("experiment")
    tab(explorer, "As code")
    press(explorer, "curl")
    expect(explorer.get_by_role("region", name="curl")).to_contain_text("curl")
    look("code")
    tab(explorer, "Compose")


def test_the_keyboard_alone_gets_from_the_tabs_to_the_answer(notebook: Notebook) -> None:
    page = notebook(ALONE)
    explorer = explorer_of(page)
    explorer.get_by_role("tab", name="Compose").focus()
    walked: list[str] = []
    skips = 0

    for _ in range(70):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "() => { const it = document.activeElement; const name = it.labels?.[0] ?? it;"
            " return name.textContent || it.getAttribute('aria-label') || '' }"
        )
        walked.append(focused.strip())
        if walked[-1] == "Skip to Send":
            expect(explorer.get_by_role("button", name="Skip to Send").nth(skips)).to_be_in_viewport()
            skips += 1
        if walked[-1] == "First name":
            page.keyboard.type("Ada")
        if walked[-1] == "Send":
            page.keyboard.press("Enter")
            break

    names = [name for name in walked if not name.startswith("[")]
    assert names[:6] == ["Start from …", "Load …", "Save …", "Duplicate", "Reset", "Find a field"]
    assert names[-4:] == ["Urgency", "More about session and channel", "Look it up with Monitoring", "Send"]
    wait_until(explorer, "done")
    assert skips == 2
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(explorer.get_by_role("tab", name="Send & follow")).to_have_attribute("aria-selected", "true")
    explorer.get_by_role("tab", name="Send & follow").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(explorer.get_by_role("tab", name=re.compile("^History"))).to_have_attribute(
        "aria-selected", "true"
    )


def test_keys_send_duplicate_undo_find_and_close_and_the_notebooks_cell_does_not_run(
    notebook: Notebook,
) -> None:
    page = notebook(HELD)
    explorer = explorer_of(page)
    say(explorer, "First name", "Ada")
    count = page.locator(".jp-Notebook:visible .jp-InputArea-prompt").inner_text()

    page.keyboard.press("Control+Enter")
    wait_until(explorer, "done")
    first = explorer.get_by_label("Consumer id", exact=True).input_value()
    page.keyboard.press("Control+Alt+d")
    expect(explorer.get_by_label("Consumer id", exact=True)).not_to_have_value(first)
    expect(explorer.locator("button.lpnb-send")).to_be_enabled()  # for a moment it takes no second click
    page.keyboard.press("Control+Enter")
    wait_until(explorer, "done")
    page.keyboard.press("Control+Alt+z")
    expect(explorer.get_by_label("Consumer id", exact=True)).to_have_value(first)
    page.keyboard.press("Control+Alt+f")
    expect(explorer.get_by_label("Find a field", exact=True)).to_be_focused()
    press(explorer, "Load …")
    expect(explorer.get_by_label("Pasted text", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(explorer.get_by_label("Pasted text", exact=True)).to_be_hidden()
    expect(explorer.get_by_role("button", name="Load …", exact=True)).to_be_focused()
    page.keyboard.press("Control+Alt+h")
    expect(explorer.locator(".lpnb-help[open]")).to_contain_text("Ctrl+Enter")
    expect(explorer.get_by_text("close an open list")).to_be_visible()
    page.keyboard.press("Escape")
    expect(explorer.get_by_text("close an open list")).to_be_hidden()

    assert page.locator(".jp-Notebook:visible .jp-InputArea-prompt").inner_text() == count
    assert run_cell(page, "print(sandbox.calls['conversation'], len(explorer.sent))") == "2 2"


def test_a_field_is_found_by_name_and_a_complaint_leads_to_its_field(notebook: Notebook) -> None:
    explorer = explorer_of(notebook(ALONE))

    say(explorer, "Find a field", "company size")
    press(explorer, "Go")
    box = explorer.get_by_label("Company size", exact=True)
    expect(box).to_be_focused()
    box.fill("abc")
    press(explorer, "Less about the customer")
    explorer.get_by_role("button", name=re.compile("companySize must be a whole number; got 'abc'")).click()

    expect(box).to_be_focused()
    press(explorer, "Undo")
    expect(box).to_have_value("")


def test_hostile_text_in_every_tab_is_shown_as_text_and_nothing_of_it_runs(notebook: Notebook) -> None:
    page = notebook(HELD)
    explorer = explorer_of(page)
    for label in ("First name", "Email", "Customer type", "Consumer id"):
        say(explorer, label, HOSTILE)
    press(explorer, "Save …")
    say(explorer, "Name", HOSTILE)
    press(explorer, "Save")
    press(explorer, "Start from …")
    expect(explorer.get_by_role("button", name=f"Saved · {HOSTILE}")).to_be_visible()
    press(explorer, "Send")
    wait_until(explorer, "done")
    press(explorer, "Where it landed, and why")
    say(explorer, "Message", HOSTILE)
    press(explorer, "Say")
    expect(explorer.get_by_role("log", name="Thread")).to_contain_text(HOSTILE)
    run_cell(page, f"sandbox.agent_says(explorer.response.conversation_id, {HOSTILE + ' back'!r});")
    expect(explorer.get_by_role("log", name="Thread")).to_contain_text(HOSTILE + " back")
    tab(explorer, "History")
    say(explorer, "Search", HOSTILE)
    explorer.locator(".lpnb-row:visible").first.click()
    tab(explorer, "Experiment")
    say(explorer, "Values 1", HOSTILE)
    expect(explorer.locator(".lpnb-experiment")).to_contain_text(HOSTILE)
    for kind in ("Python with lpnb", "Postman"):
        tab(explorer, "As code")
        press(explorer, kind)
    expect(explorer.get_by_role("region", name="Postman")).to_contain_text("onerror")

    assert page.locator(".lpnb-explorer img, .lpnb-explorer script").count() == 0
    assert page.evaluate("window.evil") is None


def test_what_was_sent_can_be_read_when_the_notebook_is_opened_without_a_kernel(
    notebook: Notebook, lab_page: tuple[Page, Seen]
) -> None:
    page = notebook(ALONE)
    explorer = explorer_of(page)
    say(explorer, "First name", "Ada")
    press(explorer, "Send")
    wait_until(explorer, "done")
    conversation = explorer.locator(".lpnb-actions .lpnb-status").inner_text().split()[1]
    kept = page.locator(".jp-OutputArea-output [class^=lpnb-kept]")
    expect(kept).to_contain_text(conversation)
    expect(kept).to_be_hidden()

    # JupyterLab's own, for a notebook with widgets and no kernel; it may come late.
    lab_page[1].excuse("reading 'kernel'")
    page.evaluate(
        """async () => {
          const panel = window.jupyterapp.shell.currentWidget;
          await panel.context.save();
          await panel.sessionContext.shutdown();
          const path = panel.context.path;
          panel.dispose();
          const opened = await window.jupyterapp.commands.execute(
            'docmanager:open', {path, kernel: null, kernelPreference: {shouldStart: false, canStart: false}});
          await opened.context.ready;
          window.jupyterapp.shell.activateById(opened.id);
        }"""
    )

    kept = page.locator(".jp-Notebook:visible [class^=lpnb-kept]")
    expect(kept).to_be_visible()
    expect(kept).to_contain_text(conversation)
    expect(kept).to_contain_text('"firstname": "Ada"')
    for _ in range(40):  # what is excused comes within moments; let it come in this test, not in the next
        if lab_page[1].errors:
            break
        page.wait_for_timeout(50)
    page.evaluate("window.jupyterapp.shell.currentWidget.dispose()")


def test_results_are_saved_reported_and_shown_again_and_what_decides_is_learned(notebook: Notebook) -> None:
    page = notebook(HELD)
    explorer = explorer_of(page)
    tab(explorer, "Experiment")
    press(explorer, "Run")
    run_status = explorer.locator(".lpnb-experiment .lpnb-status [data-state]").first
    expect(run_status).to_have_attribute("data-state", "done", timeout=30_000)
    journal = re.findall(r"runs/\S+\.sqlite", run_status.inner_text())[0]
    results = explorer.locator(".lpnb-results")

    def downloaded(kind: str) -> bytes:
        with page.expect_download() as download:
            results.get_by_role("link", name=re.compile(rf"^Download \S+\.{kind}$")).click()
        return download.value.path().read_bytes()

    say(results, "Save as", "gif")
    press(results, "Save picture")
    expect(results.get_by_role("alert")).to_contain_text("gif")
    say(results, "Save as", "svg")
    press(results, "Save picture")
    assert b"<svg" in downloaded("svg")
    press(results, "Write a report")
    assert downloaded("html").startswith(b"<!DOCTYPE html>")

    say(explorer, "Past run", "runs/nothing.sqlite")
    press(explorer, "Show it")
    expect(run_status).to_contain_text("There is no journal at runs/nothing.sqlite")
    say(explorer, "Past run", journal)
    press(explorer, "Show it")
    expect(run_status).to_contain_text("6 of 6 cases")

    say(explorer, "Budget", "many")
    press(explorer, "What decides?")
    learned = explorer.locator(".lpnb-experiment .lpnb-status [data-state]").last
    expect(learned).to_contain_text("Budget must be a whole number from 2 to 100,000; got 'many'.")
    say(explorer, "Budget", "40")
    press(explorer, "What decides?")
    expect(learned).to_contain_text("Learned from", timeout=30_000)
    expect(explorer.locator(".lpnb-rules")).to_contain_text("Private Clients")

    run_cell(page, f"import pathlib; pathlib.Path({journal!r}).unlink()")
    press(results, "Write a report")
    expect(results.get_by_role("alert")).to_contain_text(f"There is no journal at {journal}")
