"""HTTP routes of the agent's page: the page, its static files, the agent's actions and the event stream.

``GET`` changes nothing. ``POST`` is a form with the token of this start, which only the page holds;
foreign Hosts and Origins were refused before. A ``POST`` is answered when its events are stored.
Nothing is inline, and the Content Security Policy lets the browser load nothing from elsewhere.
"""

import hmac
import logging
import secrets
from collections.abc import Callable, Mapping
from importlib import resources

from starlette.routing import Route

from lpnb.sandbox.agent_page.components import BASE, link
from lpnb.sandbox.agent_page.document import document
from lpnb.sandbox.agent_page.event_stream import EventStream
from lpnb.sandbox.agent_page.inbox import Inbox
from lpnb.sandbox.agent_page.page_data import PageData
from lpnb.sandbox.agent_page.security import HEADERS, check_page_host
from lpnb.sandbox.control.agent_actions import AgentActions
from lpnb.sandbox.endpoint import Endpoint
from lpnb.sandbox.http.limits import Limits
from lpnb.sandbox.http.messages import Answer, Request, error_answer, json_answer, media_type, parse_form
from lpnb.sandbox.state.event_ledger import Ledger

logger = logging.getLogger("lpnb.sandbox")

_STATIC = {
    "agent.css": "text/css;charset=utf-8",
    "agent.js": "text/javascript;charset=utf-8",
    "icon.svg": "image/svg+xml",
}

Form = Mapping[str, str]


def _reply(agents: AgentActions, conversation_id: str, form: Form) -> None:
    # Browsers send line ends as CR LF.
    text = form.get("text", "").replace("\r\n", "\n").strip()
    if form.get("audience") == "note":
        agents.agent_notes(conversation_id, text)
        return
    agents.agent_says(conversation_id, text)
    agents.agent_reads(conversation_id)


def _resume(agents: AgentActions, conversation_id: str, _form: Form) -> None:
    if not agents.agent_resumes(conversation_id):
        raise ValueError("The consumer has another conversation open.")


_VERBS: dict[str, Callable[[AgentActions, str, Form], object]] = {
    "reply": _reply,
    "join": lambda agents, name, _: agents.agent_joins(name),
    "close": lambda agents, name, _: agents.agent_closes(name),
    "resume": _resume,
    "transfer": lambda agents, name, form: agents.transfer(name, form.get("skill", "")),
    "read": lambda agents, name, _: agents.agent_reads(name),
    "typing": lambda agents, name, form: agents.agent_types(name, form.get("chat_state", "COMPOSING")),
}


class AgentPage:
    """The page of one start of the sandbox, as routes."""

    def __init__(self, agents: AgentActions, page_data: PageData, inbox: Inbox, limits: Limits) -> None:
        self._agents = agents
        self._page_data = page_data
        self._inbox = inbox
        self._limits = limits
        self._token = secrets.token_urlsafe(24)

    def routes(self) -> list[Route]:
        """Everything the page needs, below ``/agent``, and the page itself at ``/``."""
        conversation_path = BASE + "/conversations/{conversation_id}"
        return [
            Route("/", self._page_endpoint(GET=self._page)),
            Route(conversation_path, self._page_endpoint(GET=self._page)),
            Route(conversation_path + "/{verb}", self._page_endpoint(POST=self._do)),
            Route(BASE + "/static/{name}", self._page_endpoint(GET=self._static)),
            Route(BASE + "/events", EventStream(self._inbox)),
        ]

    def _page_endpoint(self, **by_method: Callable[[Request], Answer]) -> "_PageEndpoint":
        return _PageEndpoint(self._page_data.state.ledger, self._limits, by_method)

    def close(self) -> None:
        """Follow the state no longer."""
        self._inbox.close()

    def _page(self, request: Request) -> Answer:
        conversation_id = request.path_params.get("conversation_id")
        page = self._page_data.page(self._token, conversation_id)
        status = 404 if page.missing is not None else 200
        return _answer(status, document(page), "text/html;charset=utf-8")

    def _static(self, request: Request) -> Answer:
        name = request.path_params["name"]
        if name not in _STATIC:
            return error_answer(404, f"The page has {', '.join(_STATIC)}.", headers=HEADERS)
        content = resources.files(__package__).joinpath("static", name).read_bytes()
        return _answer(200, content, _STATIC[name])

    def _do(self, request: Request) -> Answer:
        """What a button does: 303 to the conversation, or 204 for the page's script."""
        verb, conversation_id = request.path_params["verb"], request.path_params["conversation_id"]
        act = _VERBS.get(verb)
        if act is None:
            return error_answer(404, f"An agent can {', '.join(_VERBS)}; got {verb[:40]!r}.", headers=HEADERS)
        if media_type(request) != "application/x-www-form-urlencoded":
            return error_answer(415, "Send a form: application/x-www-form-urlencoded.", headers=HEADERS)
        form = dict(parse_form(request.body.decode("utf-8", "replace")))
        if not hmac.compare_digest(form.get("token", "").encode(), self._token.encode()):
            return error_answer(
                403, "The token is not this start's. Load the page again, then repeat it.", headers=HEADERS
            )
        is_script = (request.header("accept") or "").startswith("application/json")
        try:
            act(self._agents, conversation_id, form)
        except (KeyError, ValueError) as error:
            status = 404 if isinstance(error, KeyError) else 409
            sentence = str(error.args[0])
            if is_script:
                return json_answer(status, {"error": sentence}, headers=HEADERS)
            page = self._page_data.page(self._token, conversation_id, problem=sentence)
            return _answer(status, document(page), "text/html;charset=utf-8")
        if is_script:
            return Answer(204, b"", headers=HEADERS)
        return Answer(303, b"", headers=(*HEADERS, ("location", link(conversation_id))))


class _PageEndpoint(Endpoint):
    """A plain function of the request as an ASGI application."""

    def __init__(
        self, ledger: Ledger, limits: Limits, by_method: dict[str, Callable[[Request], Answer]]
    ) -> None:
        super().__init__(ledger.unstored, limits)
        self._by_method = by_method

    def _answer(self, request: Request) -> Answer:
        if (refusal := check_page_host(request)) is not None:
            return refusal
        function = self._by_method.get("GET" if request.method == "HEAD" else request.method)
        if function is None:
            methods = ", ".join(self._by_method)
            return error_answer(405, f"Send {methods} here.", headers=(*HEADERS, ("allow", methods)))
        try:
            return function(request)
        except Exception:
            logger.exception("The agent's page failed at %s", request.path[:200])
            return error_answer(500, "The page failed; this is a fault of the sandbox.", headers=HEADERS)


def _answer(status: int, body: bytes, content_type: str) -> Answer:
    return Answer(status, body, content_type=content_type, headers=HEADERS)
