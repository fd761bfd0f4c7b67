"""Functions from values to escaped HTML: JSON preview, hints, status line, table of answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from lpnb._internal.display import count, esc, pre_html, table_html
from lpnb._internal.json_codec import clean
from lpnb._internal.redaction import scrub
from lpnb._internal.validation import join
from lpnb.errors import Complaint, LpnbError
from lpnb.models.best_practices import Hint
from lpnb.models.responses import BatchResponse

if TYPE_CHECKING:
    from lpnb.client import AsyncClient, Client
    from lpnb.settings import Settings

State = Literal["idle", "ask", "busy", "done", "failed"]
#: Longer texts are shortened in the preview, and only there.
_SHOWN = 400
#: How many answers the panel shows; ``Composer.table`` has all.
_ROWS = 40
#: As ``responses_table`` has them.
COLUMNS = (
    "consumer_id", "req_id", "type", "ok", "code", "message",
    "conversation_id", "http_status", "attempts", "elapsed_ms", "sent_at",
)  # fmt: skip
_LABELS = {
    "consumer_id": "consumer", "req_id": "request", "conversation_id": "conversation",
    "http_status": "HTTP", "elapsed_ms": "ms", "sent_at": "sent",
}  # fmt: skip
_CELLS = {"consumer_id": "m", "req_id": "m", "conversation_id": "m", "message": "t", "elapsed_ms": "n"}


def account_label(settings: Settings) -> str:
    """Say which world a client of *settings* talks to."""
    if settings.on_loopback:
        return f"SANDBOX {settings.domain_api.split('://')[-1]}"
    return f"REAL ACCOUNT {settings.account_id}"


def bar_html(title: str, settings: Settings, more: str = "") -> str:
    """The head of the panel, with a badge that nobody can take for the other one, and *more* beside it."""
    kind = "sandbox" if settings.on_loopback else "real"
    return (
        f'<div class="lpnb-bar" data-world="{kind}"><strong>{esc(title)}</strong>{more}'
        f'<span class="lpnb-world" data-world="{kind}">{_account_html(settings)}</span></div>'
    )


def _account_html(settings: Settings) -> str:
    """The account's label; a sandbox's leads to its page, which shows what an agent sees."""
    label = esc(account_label(settings))
    if not settings.on_loopback:
        return label
    return f"{label} · {agent_page_link(settings)}"


def agent_page_link(settings: Settings, conversation_id: str = "") -> str:
    """A link to a sandbox's page, which shows what an agent sees: to the inbox, or to one conversation."""
    address = settings.domain_api
    if conversation_id:
        address += f"/agent/conversations/{quote(conversation_id, safe='')}"
    return f'<a href="{esc(address)}" target="_blank" rel="noopener">Agent’s page&nbsp;↗</a>'


def copied_html(text: str) -> str:
    """An id with a button that copies it. Without ``keys.js`` a click marks the id, for Ctrl+C."""
    whole = esc(text)
    return f'<bdi class="lpnb-whole">{whole}</bdi> {copy_button(text)}'


def copy_button(text: str = "") -> str:
    """A button that copies *text*, or else the block behind it; hidden where no script would do it."""
    whole = esc(text)
    label = f' data-copy="{whole}" aria-label="Copy {whole}"' if text else ""
    return f'<button type="button" class="jupyter-button lpnb-copy"{label}>Copy</button>'


#: What explanations tell a script to call, and what a panel has a button for.
_BUTTONS_FOR_CALLS = {
    "Go on in that one, or take another consumer id. client.find_open_conversation(consumer_id) finds it; "
    "the": "Press “Go on in the open one”, or “Send again for a new consumer”. The",
    "; batch.with_engagement(engagement) routes by it.": '. Press "Take it over" to route by it.',
    ": client.conversation(engagement).": ".",
}


def panel_text(explanation: str) -> str:
    """An explanation for a panel: where it names a call, the button that does the same.

    Example:
        >>> panel_text("Engagement 1 is offered; batch.with_engagement(engagement) routes by it.")
        'Engagement 1 is offered. Press "Take it over" to route by it.'
    """
    for call, button in _BUTTONS_FOR_CALLS.items():
        explanation = explanation.replace(call, button)
    return explanation


def fallback_html(name: str, settings: Settings, frames: str, responses: Sequence[BatchResponse]) -> str:
    """What the panel holds, for places that cannot show it."""
    rows = [cells for response in responses[-_ROWS:] for cells in answer_cells(response)]
    more = "" if len(responses) <= _ROWS else f" of the last {_ROWS} sends"
    return (
        f"<p><strong>{esc(name)}</strong> on {esc(account_label(settings))}. {esc(live_panel_hint())}</p>"
        + (pre_html(clean(frames)) if frames else "")
        + (table_html(f"Answers{more}", COLUMNS, rows) if rows else "")
    )


def in_marimo() -> bool:
    """Whether marimo runs this program: it shows no panels made of ipywidgets."""
    return "marimo" in sys.modules


def live_panel_hint() -> str:
    """Say how to get the live panel, for places that show this text in its stead.

    Example:
        >>> live_panel_hint().endswith("it opens the explorer as a page in your browser.")
        True
    """
    app = "run lpnb app in a terminal: it opens the explorer as a page in your browser."
    if in_marimo():
        return f"marimo does not show panels made of ipywidgets. For the live one, {app}"
    return (
        "This is a copy without a kernel. For the live panel, run the cell in JupyterLab, Notebook 7 or "
        f"VS Code, with ipywidgets installed where JupyterLab runs. Anywhere else, {app}"
    )


def preview_frames(frames: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return *frames* as they will be posted, with a word in place of the ids that are not known yet."""
    fresh = PendingValue("made fresh for each send")
    return [{"kind": "req", "id": fresh, **{k: v for k, v in f.items() if k != "id"}} for f in frames]


class PendingValue(str):
    """Text that stands for a value that is not known before the send."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class JsonLine:
    """One line of pretty-printed JSON: where its value stands, the line as text and as HTML."""

    path: str
    text: str
    html: str


def json_lines(value: Any, path: str = "", depth: int = 0, key: str | None = None) -> list[JsonLine]:
    """Pretty-print *value* line by line. Commas are left to the HTML: they say nothing about a change.

    Example:
        >>> [line.text for line in json_lines([{"a": 1}])]
        ['[', '  {', '    "a": 1', '  }', ']']
    """
    pad, name, lead = "  " * depth, "", ""
    if key is not None:
        name = json.dumps(key, ensure_ascii=False) + ": "
        lead = f'<span class="k">{esc(name[:-2])}</span>: '
    if isinstance(value, Mapping | list) and value:
        opens, closes = "{}" if isinstance(value, Mapping) else "[]"
        lines = [JsonLine(path, pad + name + opens, pad + lead + opens)]
        items: list[Any] = list(value.items() if isinstance(value, Mapping) else enumerate(value))
        for number, (step, inner) in enumerate(items):
            lines += json_lines(inner, join(path, step), depth + 1, step if isinstance(step, str) else None)
            if number + 1 < len(items):
                lines[-1] = JsonLine(lines[-1].path, lines[-1].text, lines[-1].html + ",")
        return [*lines, JsonLine(path + " ends", pad + closes, pad + closes)]
    if isinstance(value, PendingValue):
        return [JsonLine(path, pad + name + value, f"{pad}{lead}<i>{esc(value)}</i>")]
    if isinstance(value, str) and len(value) > _SHOWN:
        value = f"{value[:_SHOWN]}… ({len(value) - _SHOWN:,} more characters)"
    text = json.dumps(value, ensure_ascii=False, default=str)
    kind = "s" if isinstance(value, str) else "n"
    value_html = text if text in ("{}", "[]") else f'<span class="{kind}">{esc(text)}</span>'
    return [JsonLine(path, pad + name + text, pad + lead + value_html)]


def preview_html(
    lines: Sequence[JsonLine], before: Sequence[JsonLine], wrong: Iterable[str], says: str
) -> str:
    """Draw *lines*, marking those that differ from *before* and those whose path is *wrong*."""
    changes: set[int] = set()
    if before:
        matcher = SequenceMatcher(None, [x.text for x in before], [x.text for x in lines], autojunk=False)
        for kind, _, _, start, end in matcher.get_opcodes():
            if kind != "equal":
                changes.update(range(start, end))
    bad = set(wrong)
    lines_html = "".join(
        f'<span class="l{" w" if line.path in bad else " c" if place in changes else ""}">{line.html}</span>'
        for place, line in enumerate(lines)
    )
    return (
        f"<h3>What is posted</h3><p>{esc(says)}</p>"
        f'<pre tabindex="0" role="region" aria-label="JSON preview"><code>{clean(lines_html)}</code></pre>'
    )


def wrong_html(complaints: Sequence[Complaint]) -> str:
    """Say how much is wrong, for all who cannot see the fields; the complaints follow as buttons."""
    if not complaints:
        return ""
    verb = "is" if len(complaints) == 1 else "are"
    sentence = f"Not sendable yet: {count(len(complaints), 'value')} {verb} wrong"
    return f'<div class="wrong" role="alert"><h3>{sentence}</h3></div>'


def hints_html(hints: Iterable[Hint]) -> str:
    """List what is advised, with the place and the source of each."""
    items_html = "".join(
        f"<li>{esc(hint.text)}<small><code>{esc(hint.path)}</code> · {esc(hint.source)}</small></li>"
        for hint in hints
    )
    return f"<div><h3>Advice</h3><ul>{items_html}</ul></div>" if items_html else ""


def shortened(text: str, most: int = _SHOWN) -> str:
    """*text* without half characters, cut where nobody reads on."""
    text = clean(text)
    return text if len(text) <= most else f"{text[:most]}…"


def size_text(number: int) -> str:
    """Say how large what is posted is.

    Example:
        >>> size_text(412), size_text(20_480)
        ('412 bytes', '20.5 kB')
    """
    return f"{number:,} bytes" if number < 10_000 else f"{number / 1000:,.1f} kB"


def status_html(state: State, text: str) -> str:
    """One element with the state and the sentence, so that both change in one write."""
    return f'<span role="status" data-state="{state}">{esc(text)}</span>'


def answers_html(responses: Sequence[BatchResponse], columns: Sequence[str] = COLUMNS) -> str:
    """One row per request frame, newest send first, with *columns* of ``responses_table``."""
    if not responses:
        return ""
    names = ((_CELLS.get(name, ""), _LABELS.get(name, name)) for name in columns)
    head = "".join(f'<th scope="col" class="{kind}">{name}</th>' for kind, name in names)
    rows: list[str] = []
    for response in reversed(responses):
        rows += [_row(cells, columns) for cells in answer_cells(response)]
        if len(rows) >= _ROWS:
            break
    total = sum(len(response.pairs) for response in responses)
    more = "" if len(rows) >= total else f", the newest {len(rows)} shown"
    return (
        '<div role="region" aria-label="Answers" tabindex="0"><table>'
        f"<caption>{count(total, 'answer')}{more}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def answer_cells(response: BatchResponse) -> Iterator[tuple[object, ...]]:
    """The cells of each row that *response* gives, in the order of ``COLUMNS``."""
    time_text = f"{response.sent_at:%Y-%m-%d %H:%M:%S} UTC" if response.sent_at else None
    elapsed_text = None if response.elapsed_ms is None else f"{response.elapsed_ms:.1f}"
    for pair in response.pairs:
        yield (
            response.consumer_id, pair.req_id, pair.type, pair.ok, pair.code, pair.message,
            pair.conversation_id, response.http_status, response.attempts, elapsed_text, time_text,
        )  # fmt: skip


def _row(cells: Sequence[object], columns: Sequence[str]) -> str:
    cells_html = []
    for name, cell in zip(COLUMNS, cells, strict=True):
        if name not in columns:
            continue
        text = esc("" if cell is None else str(cell))
        if name == "ok":
            text = '<mark class="y">yes</mark>' if cell else "<mark>no</mark>"
        if name == "type":
            text = text.replace(".", ".<wbr>")
        if name == "sent_at":
            text = text.replace(" ", "<br>", 1).replace(" ", "&nbsp;")
        cells_html.append(f'<td class="{_CELLS.get(name, "")}">{text}</td>')
    return f"<tr>{''.join(cells_html)}</tr>"


def note_html(help_text: str, sentence: str = "") -> str:
    """What stands below a field: its help, and what is wrong with it."""
    wrong = f'<b role="alert">{esc(sentence)}</b>' if sentence else ""
    return wrong + esc(help_text)


def error_text(error: BaseException, client: Client | AsyncClient) -> str:
    """Say what went wrong, without the client's secret."""
    words = str(error) if isinstance(error, LpnbError) else f"{type(error).__name__}: {error}"
    return scrub(words, client.settings.secrets)
