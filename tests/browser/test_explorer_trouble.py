"""When things go wrong for the explorer: nothing lost, nothing sent twice, a sentence that helps."""

from __future__ import annotations

import re

from explorer_page import ALONE, HELD, Notebook, explorer_of, press, run_cell, say, tab, wait_until
from front_ends import Seen
from playwright.sync_api import Page, expect

#: The second frame of a batch, with a value that is none.
REQUEST = '{"type": "cm.ConsumerRequestConversation", "body": {"ttrDefName": "soon"}}]'


def test_a_sandbox_that_is_killed_is_said_and_what_was_typed_stays(notebook: Notebook) -> None:
    page = notebook(HELD)
    explorer = explorer_of(page)
    say(explorer, "First name", "Ada")
    press(explorer, "Send")
    wait_until(explorer, "done")
    run_cell(page, "sandbox.stop()")

    press(explorer, "Duplicate")
    say(explorer, "Last name", "Lovelace")
    press(explorer, "Send")
    said = wait_until(explorer, "failed")
    expect(said).to_contain_text(re.compile("127.0.0.1|refused|reach"))
    press(explorer, "Check")
    expect(explorer.locator(".lpnb-facts [data-state=bad]")).to_be_visible()

    expect(explorer.get_by_label("Last name", exact=True)).to_have_value("Lovelace")
    expect(explorer.get_by_role("button", name="Send", exact=True)).to_be_enabled()


def test_an_expired_token_is_renewed_and_the_conversation_opened_once(notebook: Notebook) -> None:
    page = notebook(HELD)
    explorer = explorer_of(page)
    press(explorer, "Check")
    expect(explorer.locator(".lpnb-facts")).to_contain_text("renewed in")
    run_cell(page, "sandbox.expire_tokens()")

    press(explorer, "Send")
    wait_until(explorer, "done")

    assert run_cell(page, "print(len(sandbox.conversations))") == "1"


def test_a_double_click_sends_once(notebook: Notebook) -> None:
    page = notebook(HELD)
    explorer = explorer_of(page)
    press(explorer, "Send")  # from now on a send is over before a double click is
    wait_until(explorer, "done")
    press(explorer, "Duplicate")

    button = explorer.get_by_role("button", name="Send", exact=True)
    expect(button).to_be_enabled()
    button.dblclick(delay=150)
    wait_until(explorer, "done")
    expect(button).to_be_enabled()

    assert run_cell(page, "print(sandbox.calls['conversation'], len(explorer.sent))") == "2 2"


def test_a_page_closed_during_a_send_and_opened_again_shows_what_came_of_it(notebook: Notebook) -> None:
    page = notebook(HELD)
    explorer = explorer_of(page)
    say(explorer, "First name", "Ada")
    run_cell(page, "sandbox.fail('conversation', 'slow', seconds=3.0)")
    page.evaluate("window.jupyterapp.shell.currentWidget.context.save()")
    press(explorer, "Send")
    wait_until(explorer, "busy")

    page.evaluate(
        """async () => {
          const app = window.jupyterapp, panel = app.shell.currentWidget, path = panel.context.path;
          await panel.context.save();
          panel.dispose();
          const opened = await app.commands.execute('docmanager:open', {path});
          await opened.context.ready;
          app.shell.activateById(opened.id);
          await opened.sessionContext.ready;
        }"""
    )

    explorer = explorer_of(page)
    wait_until(explorer, "done")
    expect(explorer.get_by_label("First name", exact=True)).to_have_value("Ada")
    assert run_cell(page, "print(sandbox.calls['conversation'], len(explorer.sent))") == "1 1"


def test_an_unknown_outcome_is_asked_about_before_the_next_send(notebook: Notebook) -> None:
    page = notebook(HELD)
    explorer = explorer_of(page)
    run_cell(page, "sandbox.fail('conversation', 'drop_after')")
    press(explorer, "Send")
    expect(wait_until(explorer, "failed")).to_contain_text("Outcome unknown.")

    press(explorer, "Send")

    expect(wait_until(explorer, "ask")).to_contain_text("a conversation may exist already")
    assert run_cell(page, "print(sandbox.calls['conversation'])") == "1"
    explorer.get_by_label("Yes, send all the same", exact=True).check()
    press(explorer, "Send")
    expect(wait_until(explorer, "failed")).to_contain_text("this consumer already has one open")


def test_a_real_account_cannot_be_overlooked_and_nothing_leaves_unasked(notebook: Notebook) -> None:
    live = (
        "import lpnb\n\nfrom pathlib import Path\n\n"
        "_ = Path('.env.live').write_text("
        "'LP_ACCOUNT_ID=87654321\\nLP_CLIENT_ID=i\\nLP_CLIENT_SECRET=planted\\n')\n"
        "sandbox = lpnb.Sandbox().start()\n"
        "explorer = lpnb.Explorer(lpnb.Client(lpnb.Settings.of(sandbox.environment())))\nexplorer"
    )
    page = notebook(live)
    explorer = explorer_of(page)

    press(explorer, "Switch …")
    press(explorer, "Profile live")
    expect(explorer.locator(".lpnb-question")).to_contain_text("REAL ACCOUNT 87654321")
    expect(explorer.get_by_role("button", name="Send", exact=True)).to_be_visible()
    press(explorer, "Yes, use the real account")

    expect(explorer.locator(".lpnb-bar")).to_contain_text("REAL ACCOUNT 87654321")
    press(explorer, "Send to REAL ACCOUNT 87654321")
    expect(wait_until(explorer, "ask")).to_contain_text("This goes to the real account 87654321.")
    assert run_cell(page, "print(len(explorer.sent), len(explorer.client.recent))") == "0 0"
    assert "planted" not in explorer.inner_html()
    run_cell(page, "Path('.env.live').unlink()")


def test_after_a_restart_of_the_kernel_the_panel_is_dim_and_says_to_run_the_cell_again(
    notebook: Notebook, lab_page: tuple[Page, Seen]
) -> None:
    page = notebook(ALONE)
    explorer = explorer_of(page)
    lab_page[1].excuse("Could not restore the debugger state")  # JupyterLab says so of any restart

    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")

    expect(explorer).to_have_class(re.compile("jupyter-widgets-disconnected"))
    shown = "(panel, part) => getComputedStyle(panel, part).content"
    assert explorer.evaluate(shown, "::after") == (
        '"The kernel was restarted. Run this cell again to connect this panel."'
    )
    signs = "panel => [panel, ...panel.querySelectorAll('*')].filter(it => it.checkVisibility()"
    signs += " && !['none', 'normal', '\"\"'].includes(getComputedStyle(it, '::before').content)"
    signs += " && it.classList.contains('jupyter-widgets-disconnected')"
    signs += " && getComputedStyle(it, '::before').display !== 'none').length"
    assert explorer.evaluate(signs) == 0
    assert explorer.evaluate("panel => Number(getComputedStyle(panel.firstElementChild).opacity)") < 1


def test_every_dead_end_has_a_button_and_no_run_begins_without_its_warnings(notebook: Notebook) -> None:
    page = notebook(HELD)
    explorer = explorer_of(page)
    press(explorer, "Load …")
    say(explorer, "Pasted text", "no request")
    press(explorer, "Load the pasted text")
    expect(explorer.locator(".lpnb-compose .lpnb-tools [role=alert]")).to_be_visible()
    say(explorer, "Pasted text", '[{"type": "userprofile.SetUserProfile", "body": {}}, ' + REQUEST)
    press(explorer, "Load the pasted text")
    expect(explorer.get_by_label("Urgency", exact=True)).to_have_value("soon")
    expect(explorer.locator(".lpnb-form [role=alert]")).to_contain_text("ttrDefName must be one of")
    say(explorer, "Urgency", "URGENT")

    press(explorer, "Send")
    wait_until(explorer, "done")
    press(explorer, "Send")
    wait_until(explorer, "ask")
    explorer.get_by_label("Yes, send all the same", exact=True).check()
    press(explorer, "Send")
    wait_until(explorer, "failed")
    press(explorer.locator(".lpnb-actions"), "Go on in the open one")
    say(explorer, "Message", "Still there?")
    press(explorer, "Say")
    expect(explorer.get_by_role("log", name="Thread")).to_contain_text("Still there?")
    press(explorer, "Close the conversation")
    expect(explorer.locator(".lpnb-say + .lpnb-status")).to_contain_text("This conversation is closed.")

    tab(explorer, "Experiment")
    expect(explorer.get_by_text("This run opens 6 conversations")).to_be_visible()
    say(explorer, "Field 2", "entryPoints.0")
    expect(explorer.get_by_text("Monitoring is not asked, so entryPoints changes nothing.")).to_be_visible()
    say(explorer, "Field 2", "ttrDefName")
    for _ in range(2):
        press(explorer, "Run")
        expect(explorer.locator(".lpnb-experiment .lpnb-status [data-state=busy]")).to_be_visible()
        expect(explorer.locator(".lpnb-experiment .lpnb-status [data-state=done]")).to_be_visible()
    cases = explorer.locator(".lpnb-case-table")
    say(cases, "Filter", "vip")
    expect(cases).to_contain_text("2 cases of 6")
    say(cases, "Sort by", "elapsed")
    expect(cases.locator("[role=alert]")).to_contain_text("Did you mean 'elapsed_ms'?")
    press(explorer, "Compare")
    expect(explorer.locator(".lpnb-results")).to_contain_text("0 moved, 6 stayed")

    tab(explorer, "History")
    explorer.get_by_label("Keep the form and these sends on disk", exact=False).check()
    expect(explorer.get_by_text("which only you can read")).to_be_visible()
    press(explorer, "Forget all")
    expect(explorer.get_by_text("Nothing was sent yet.", exact=True)).to_be_visible()
    assert run_cell(page, "from pathlib import Path\nprint(Path('lpnb-history').exists())") == "False"
