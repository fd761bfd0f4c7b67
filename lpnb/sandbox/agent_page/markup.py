"""HTML builder with escaping: every value that becomes markup goes through `escape`."""

import html
import re
from functools import cache

# Controls that no HTML may hold; a line break and a tab may stay.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

_VOID = frozenset({"input", "link", "meta", "br"})


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


HtmlChild = object
"""Html stays as it is, None and False are nothing, a list is its members, all else is escaped text."""


def escape(value: object) -> Html:
    """*value* as text, safe between tags and in a quoted attribute.

    >>> escape('<script>alert("x")</script>')
    '&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;'
    """
    if isinstance(value, Html):
        return value
    return Html(html.escape(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(value)), quote=True))


def join(children: object) -> Html:
    """Children one after the other."""
    if children is None or children is False:
        return Html("")
    if isinstance(children, list | tuple):
        return Html("".join(join(child) for child in children))
    return escape(children)


@cache
def _read_selector(selector: str) -> tuple[str, list[str]]:
    """The element's name, and it with class and id as they stand in its tag."""
    place, _, element_id = selector.partition("#")
    name, *classes = place.split(".")
    opening = [
        name,
        f'class="{" ".join(classes)}"' if classes else "",
        f'id="{element_id}"' if element_id else "",
    ]
    return name, [part for part in opening if part]


def tag(selector: str, /, *children: HtmlChild, **attributes: object) -> Html:
    """An element, named with its classes and its id as CSS has them.

    ``class_`` and ``aria_label`` become ``class`` and ``aria-label``; None leaves one out.

    >>> tag("p.note.faint#first", "1 < 2", hidden=True, title=None)
    '<p class="note faint" id="first" hidden>1 &lt; 2</p>'
    """
    name, opening = _read_selector(selector)
    opening = [*opening]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        opening.append(attribute if value is True else f'{attribute}="{escape(value)}"')
    content = "" if name in _VOID else f"{join(children)}</{name}>"
    return Html(f"<{' '.join(opening)}>{content}")
