"""HTML views of one send: outcome, request and raw response, and the difference between two sends."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from lpnb._internal.display import esc
from lpnb.widgets import html_views
from lpnb.widgets.send.sent_request import SentRequest

#: A raw reply of more characters is cut in the panel, until somebody asks for all of it.
_RAW = 20_000
#: Of one send, every row has the same consumer, which stands above the table.
_COLUMNS = [name for name in html_views.COLUMNS if name != "consumer_id"]


def send_html(send: SentRequest) -> str:
    """One send: the outcome in words, a row for each frame, what was posted and what came back."""
    response = send.response
    facts = f"<dt>account</dt><dd>{esc(send.account_id)}</dd>"
    facts += f"<dt>consumer</dt><dd>{html_views.copied_html(send.consumer_id)}</dd>"
    if response.conversation_id:
        facts += f"<dt>conversation</dt><dd>{html_views.copied_html(response.conversation_id)}"
        if send.client is not None and send.client.settings.on_loopback:
            facts += f" {html_views.agent_page_link(send.client.settings, response.conversation_id)}"
        facts += "</dd>"
    explanation = esc(html_views.panel_text(response.explanation))
    return (
        f'<div class="lpnb-outcome" data-outcome="{esc(response.outcome)}">'
        f"<h3>#{send.number} · {esc(response.outcome)}</h3><p>{explanation}</p>"
        f"<dl>{facts}</dl></div>{html_views.answers_html([response], _COLUMNS)}"
    )


def is_cut(send: SentRequest) -> bool:
    """Whether ``raw_html`` leaves out a part of the reply."""
    return len(send.raw_text()) > _RAW


def raw_html(send: SentRequest, whole: bool = False) -> str:
    """The posted frames and the reply as it came, beside each other; of a long reply the beginning."""
    raw = send.raw_text()
    rest = ""
    if len(raw) > _RAW and not whole:
        raw, rest = raw[:_RAW], f"\n… {len(raw) - _RAW:,} more characters: press “Show all”"
    status = send.response.http_status
    status_text = f"HTTP {status}" if status else "Nothing came back"
    return (
        f'<div class="lpnb-pair">{_block(send.frames_title, chr(10).join(send.frame_lines()))}'
        f"{_block(f'The reply as it came: {status_text}', raw + rest)}</div>"
    )


def _block(title: str, text: str) -> str:
    return (
        f"<section><h3>{esc(title)}</h3>{html_views.copy_button()}"
        f'<pre tabindex="0" role="region" aria-label="{esc(title)}">'
        f'<code class="lpnb-whole">{esc(text)}</code></pre></section>'
    )


def difference_html(before: SentRequest, after: SentRequest) -> str:
    """What differs between two sends, in what was posted and in what came back."""
    return (
        f"<h3>#{before.number} beside #{after.number}</h3>"
        + _difference(
            _common_title(before.frames_title, after.frames_title), before.frame_lines(), after.frame_lines()
        )
        + _difference("What came back", before.answer_lines(), after.answer_lines())
    )


def _common_title(before: str, after: str) -> str:
    return before if before == after else "What was posted, and what was not"


def _difference(title: str, before: Sequence[str], after: Sequence[str]) -> str:
    lines: list[str] = []
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            equal_lines = list(before[a:b])
            if len(equal_lines) > 7:
                equal_lines[3:-3] = [f"… {len(equal_lines) - 6} equal lines"]
            lines += [f'<span class="l">  {esc(line)}</span>' for line in equal_lines]
        else:
            lines += [f'<span class="l w">− {esc(line)}</span>' for line in before[a:b]]
            lines += [f'<span class="l y">+ {esc(line)}</span>' for line in after[c:d]]
    same_text = " (the same)" if list(before) == list(after) else ""
    return (
        f'<section><h4>{esc(title)}{same_text}</h4><pre tabindex="0" role="region" aria-label="{esc(title)}">'
        f"<code>{''.join(lines)}</code></pre></section>"
    )
