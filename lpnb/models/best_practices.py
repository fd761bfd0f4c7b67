"""The Connector pages' best practices as hints on a batch; a hint never stops a send."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lpnb._internal.display import brief, table_html
from lpnb._internal.placeholders import placeholder_in
from lpnb._internal.validation import join, must
from lpnb.errors import InvalidValueError
from lpnb.models.batches import ConversationBatch
from lpnb.models.conversation_request import ConsumerRequestConversation
from lpnb.models.sdes import AnySde, CustomerInfo, PersonalInfo

CONVERSATION = "Send API, CONVERSATION"
ATTRIBUTES = "Types of Engagement Attributes"
BEST_PRACTICES = "Engagement Attributes Best Practices for Messaging"
ROUTING = "Knowledge base, Routing logic overview"
SPREADSHEETS = "lpnb how-to, Send a table of cases"
GUIDE = "Getting started with Connector API"
_LANG = re.compile(r"[a-z]{2,3}-[A-Z]{2}\Z")
_LANG_OR = re.compile(r"[a-z]{2,3}[-_][A-Z]{2}\Z")
#: How Excel and its like write a long number that was typed or opened as one, in most languages.
_ROUNDED_ID = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d{1,3}\Z")
_KNOWN_CONTEXTS = ("SharkContext", "SMSContext", "MobileAppContext", "ProactiveContext")
#: The keys and places that lead to a value.
_Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Hint:
    """One piece of advice: the place it is about, a sentence, and the page it comes from.

    Example:
        >>> hint = advise(ConversationBatch())[0]
        >>> hint.path, hint.source
        ('[0].body.authenticatedData.lp_sdes', 'Send API, CONVERSATION')
    """

    path: str
    text: str
    source: str


class Hints(tuple[Hint, ...]):
    """Hints in the order of the frames; a notebook shows them as a table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        if not self:
            return "<p>No advice: the batch follows the best practices.</p>"
        return table_html("Advice", ["where", "hint", "source"], [(h.path, h.text, h.source) for h in self])


def advise(batch: ConversationBatch, account_id: str | None = None) -> Hints:
    """Return what the documentation would have you do differently.

    Args:
        batch: What is to be sent.
        account_id: To which account; with it a ``brandId`` of another one is pointed out.

    Example:
        >>> [hint.text for hint in advise(ConversationBatch())][0]
        'Without SDEs the agent sees nothing about the consumer.'
    """
    if not isinstance(batch, ConversationBatch):
        hint = "Read frames with ConversationBatch.from_wire first."
        raise InvalidValueError([must("batch", "must be a ConversationBatch", batch, hint)])
    hints = [*_on_sdes(batch.profile.sdes), *_on_routing_sdes(batch), *_on_request(batch.request)]
    hints += _on_values(batch)
    brand_id = batch.request.brand_id
    if account_id is not None and brand_id is not None and (why := foreign_brand(brand_id, account_id)):
        hints.append(Hint("[1].body.brandId", why, CONVERSATION))
    if batch.req_ids is not None:
        hints.append(
            Hint(
                "[0].id",
                "With fixed request ids, a late answer to an earlier request looks like the answer to this "
                "one. Leave them out to get fresh ones.",
                GUIDE,
            )
        )
    return Hints(hints)


def _on_sdes(sdes: object) -> Iterator[Hint]:
    path = "[0].body.authenticatedData.lp_sdes"
    objects = [sde for sde in sdes if isinstance(sde, CustomerInfo | PersonalInfo)] if sdes else []  # type: ignore[attr-defined]
    if not any(_is_filled(sde) for sde in objects):
        yield Hint(path, "Without SDEs the agent sees nothing about the consumer.", CONVERSATION)
        return
    yield Hint(
        path,
        "SDEs replace the earlier ones of the same type whole: send every field each time.",
        BEST_PRACTICES,
    )
    kinds = [sde.sde_type for sde in objects]
    for kind in sorted({kind for kind in kinds if kinds.count(kind) > 1}):
        yield Hint(path, f"{kind} is here {kinds.count(kind)} times; the last one counts.", BEST_PRACTICES)
    for place, sde in enumerate(objects):
        yield from _on_sde(sde, join(path, place, sde.body_key))


def _on_sde(sde: AnySde, path: str) -> Iterator[Hint]:
    if isinstance(sde, CustomerInfo):
        for name, value in (("storeZipCode", sde.store_zip_code), ("storeNumber", sde.store_number)):
            if value is not None:
                yield Hint(join(path, name), f"{name} is not usable in SetUserProfile.", ATTRIBUTES)
        if sde.currency is not None and not re.match(r"[A-Z]{3}\Z", sde.currency):
            yield Hint(join(path, "currency"), "currency is an ISO 4217 code such as USD.", ATTRIBUTES)
        if sde.login_status is not None:
            yield Hint(join(path, "loginStatus"), "What its values mean is not documented.", ATTRIBUTES)
        return
    if sde.language is not None and not _LANG_OR.match(sde.language):
        yield Hint(join(path, "language"), "language is written like en-US or en_US.", ATTRIBUTES)
    for place, contact in enumerate(sde.contacts or ()):
        country = contact.address.country if contact.address else None
        if country is not None and not re.match(r"[A-Z]{2}\Z", country):
            yield Hint(
                join(path, "contacts", place, "address", "country"),
                "country is two capital letters, such as US.",
                ATTRIBUTES,
            )


def _on_routing_sdes(batch: ConversationBatch) -> Iterator[Hint]:
    """SDEs that decide the routing when neither a campaign nor a skill does."""
    if batch.request.campaign_info is not None or batch.request.skill_id is not None:
        return
    for place, sde in enumerate(batch.profile.sdes):
        if not isinstance(sde, CustomerInfo):
            continue
        for name, value in (("ctype", sde.ctype), ("companyBranch", sde.company_branch)):
            if value is not None:
                yield Hint(
                    join("[0].body.authenticatedData.lp_sdes", place, "info", name),
                    f"Without a campaign, a rule about {name} may choose the skill. LivePerson advises "
                    "against such rules: route with a campaign and engagement from Monitoring.",
                    CONVERSATION,
                )


def _on_request(request: ConsumerRequestConversation) -> Iterator[Hint]:
    path = "[1].body"
    campaign, context = request.campaign_info, request.conversation_context
    if request.skill_id is not None and campaign is None:
        yield Hint(
            join(path, "skillId"),
            "Route with a campaign and engagement from Monitoring; a fixed skillId is discouraged.",
            CONVERSATION,
        )
    elif campaign is None:
        yield Hint(
            join(path, "campaignInfo"),
            "Without a campaign the conversation goes to the account's default skill or stays unassigned.",
            ROUTING,
        )
    elif campaign.campaign_id is None or campaign.engagement_id is None:
        yield Hint(join(path, "campaignInfo"), "campaignId and engagementId belong together.", CONVERSATION)
    if context is not None:
        if campaign is None:
            yield Hint(
                join(path, "conversationContext"),
                "The context belongs to a campaign: without campaignInfo it routes nothing.",
                CONVERSATION,
            )
        if context.lang is not None and not _LANG.match(context.lang):
            yield Hint(
                join(path, "conversationContext", "lang"),
                "lang is written like en-US, and must be a language of the engagement.",
                CONVERSATION,
            )
        if context.type not in _KNOWN_CONTEXTS:
            yield Hint(
                join(path, "conversationContext", "type"),
                "SharkContext is the type that goes with Monitoring's ids.",
                CONVERSATION,
            )
    elif campaign is not None:
        yield Hint(
            join(path, "conversationContext"),
            "Send Monitoring's visitor, session and context ids along with the campaign.",
            CONVERSATION,
        )
    if request.channel_type is None:
        yield Hint(join(path, "channelType"), "The property table calls channelType mandatory.", CONVERSATION)


def _on_values(batch: ConversationBatch) -> Iterator[Hint]:
    """Texts that cannot be meant as they stand, wherever they are in the two frames."""
    for frame, body in ((1, batch.request.to_wire()), (0, batch.profile.to_wire())):
        yield from (
            Hint(path, sentence, SPREADSHEETS) for path, sentence in odd_texts(body, f"[{frame}].body")
        )


def odd_texts(body: object, path: str) -> Iterator[tuple[str, str]]:
    """The path and the sentence of each text of a frame's *body* that can hardly be meant as it stands.

    Example:
        >>> list(odd_texts({"skillId": "Mortgages", "ttrDefName": "NORMAL"}, "[1].body"))
        [('[1].body.skillId', "'Mortgages' is no id: skillId takes the number, not the name.")]
    """
    texts = sorted(_texts(body, (), ""), key=lambda item: item[1] != "skillId")
    for steps, name, text in texts:
        if (sentence := odd_value(name, text)) is not None:
            yield join(path, *steps), sentence


def _texts(value: object, steps: _Steps, name: str) -> Iterator[tuple[_Steps, str, str]]:
    """Each text in *value* with the steps that lead to it and the name of its field."""
    if isinstance(value, str):
        yield steps, name, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, (*steps, key), key)
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            yield from _texts(inner, (*steps, place), name)


def foreign_brand(brand_id: str, account_id: str) -> str | None:
    """Why a ``brandId`` is not advised for an account, or None.

    Example:
        >>> foreign_brand("999", "12345678")
        "brandId is '999', and this goes to the account 12345678. Leave it out: sending fills it in."
    """
    if brand_id == account_id or placeholder_in(brand_id) is not None:
        return None
    return (
        f"brandId is {brief(brand_id)}, and this goes to the account {account_id}. Leave it out: "
        "sending fills it in."
    )


def usual_values(name: str) -> re.Pattern[str]:
    """What most values of the field *name* match whole: of these ``odd_value`` has nothing to say.

    Example:
        >>> [bool(usual_values("skillId").fullmatch(text)) for text in ("2741903011", "2741903011.0")]
        [True, False]
    """
    return _DIGITS if name in ID_FIELDS else _WORDS


def odd_value(name: str, text: str) -> str | None:
    """Why *text* can hardly be meant as it stands in the field *name*, or None.

    Example:
        >>> odd_value("skillId", "2741903011.0")
        "'2741903011.0' is an id with a decimal point. Write its digits alone."
        >>> odd_value("skillId", "Mortgages")
        "'Mortgages' is no id: skillId takes the number, not the name."
        >>> odd_value("ctype", "vip "), odd_value("ctype", "vip")
        ("'vip ' begins or ends with a blank, and rules compare the whole text.", None)
    """
    if (placeholder := placeholder_in(text)) is not None:
        return (
            None if name == "brandId" else f"{placeholder} is a placeholder. Put the real value in its place."
        )
    if not text.isascii() and (sign := _INVISIBLE.search(text)):
        return f"{brief(text)} holds an invisible character (U+{ord(sign[0]):04X})."
    if not text.isascii() and (original_text := _original_text(text)) is not None:
        description = f"stands where {original_text!r} was meant" if original_text else "has lost letters"
        return (
            f"{brief(text)} {description}: its source was read in a wrong encoding. Save that anew, as UTF-8."
        )
    if not text.isascii() and (pair := _TWO_SCRIPTS.search(text)):
        return (
            f"{brief(text)} mixes alphabets: {pair[1] or pair[2]} looks like another letter, and is not it."
        )
    if text != text.strip() and name not in ("lang", "language", "country", "currency"):
        return f"{brief(text)} begins or ends with a blank, and rules compare the whole text."
    if FORMULA_ERROR.fullmatch(text) or _FORCED_TEXT.fullmatch(text):
        return f"{brief(text)} is what a spreadsheet shows for a formula, not a value."
    if name not in _NAMES and NO_VALUE.fullmatch(text):
        return f"{brief(text)} is a word for no value. Leave the field out."
    if name == "brandId" and not re.fullmatch(r"\w{1,20}", text):
        return f"{brief(text)} is no account: those are 1 to 20 letters, digits or underscores."
    if name not in ID_FIELDS:
        return None
    if is_rounded(text):
        return f"{text} looks like an id that a spreadsheet has rounded. {AS_TEXT}"
    if re.fullmatch(r"[0-9]+\.0+", text):
        return f"{brief(text)} is an id with a decimal point. Write its digits alone."
    if name in _NUMERIC_IDS and re.fullmatch(r"[0-9]{1,3}([.,' \u00a0][0-9]{3})+", text):
        return f"{brief(text)} is an id with thousands separators. Write its digits alone."
    if name in _NUMERIC_IDS and re.search(r"[^\W\d_]{2}", text):
        return f"{brief(text)} is no id: {name} takes the number, not the name."
    return None


def _original_text(text: str) -> str | None:
    """What *text* was before UTF-8 was read as Windows text; "" where letters are lost, else None."""
    if "\ufffd" in text:
        return ""
    try:
        original_text = text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return None
    return original_text if all(letter < "\u0180" or letter > "\u036f" for letter in original_text) else None


_NUMERIC_IDS = ("skillId", "campaignId", "engagementId")
#: Fields whose texts are mostly digits, so that a spreadsheet takes them for numbers.
ID_FIELDS = (
    *_NUMERIC_IDS, "customerId", "socialId", "consumer_id", "phone", "imei", "storeNumber", "storeZipCode",
)  # fmt: skip
#: Fields in which a word for no value may be somebody's name.
_NAMES = ("firstname", "lastname", "userName", "email", "company", "accountName")
_DIGITS = re.compile(r"[0-9]+")
_WORDS = re.compile(
    r"(?!(?i:your|insert|enter|replace|put|change|fill|(?:null|none|nil|undefined|nan|nat|todo|tbd|fixme|x{4,})\Z))"
    r"[A-Za-z0-9]+(?:[ -][A-Za-z0-9]+)*"
)
#: No-break and zero-width signs, which come along from web pages and chats.
_INVISIBLE = re.compile("[\u00a0\u00ad\u200b-\u200f\u202a-\u202e\u202f\u2060-\u2064\ufeff]")
#: Greek and Cyrillic letters that look like Latin ones.
_LOOKALIKES = (
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bd\u03bf"
    "\u0405\u0406\u0408\u0410\u0412\u0415\u041a\u041c-\u041e\u0420-\u0423\u0425"
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458"
)
#: One of them right beside a Latin letter.
_TWO_SCRIPTS = re.compile(f"(?<=[A-Za-z])([{_LOOKALIKES}])|([{_LOOKALIKES}])(?=[A-Za-z])")
#: What spreadsheets show where a value could not be computed: in English, and what German, French, Spanish,
#: Italian, Dutch, Portuguese, then the Nordic languages and Polish have besides.
FORMULA_ERROR = re.compile(
    "#(?:(?:N/[ABD]|I/T|NV|GETTING_DATA|DATEN_ABRUFEN|CHARGEMENT_DONNEES|OBTENTION_DONNEES|OBTENIENDO_DATOS"
    "|RECUPERO_DATI|ESTRAZIONE_DATI_IN_CORSO|GEGEVENS[._]OPHALEN|OBTENDO_DADOS)!?"
    "|[\u00a1\u00bf]?(?:NULL|DIV/0|VALUE|REF|NAME|NUM|SPILL|CALC|FIELD|BLOCKED|UNKNOWN|CONNECT|BUSY|EXTERNAL"
    "|ERROR|NOT COMPUTED|WERT|BEZUG|ZAHL|\u00dcBERLAUF|KALK|FELD|BLOCKIERT|UNBEKANNT|VERBINDEN"
    "|NUL|VALEUR|NOM|NOMBRE|PROPAGATION|EPARS|CALCUL|CHAMP|BLOQU[E\u00c9]|INCONNU|CONNEXION"
    "|NULO|VALOR|DESBORDAMIENTO|CAMPO|BLOQUEADO|DESCONOCIDO|CONECTAR"
    "|NULLO|VALORE|RIF|NOME|ESPANSIONE|BLOCCATO|SCONOSCIUTO|CONNETTI"
    "|LEEG|DEEL/0|DELING[.]DOOR[.]0|WAARDE|VERW|NAAM|GETAL|OVERLOOP|OVERLOPEN|VELD|GEBLOKKEERD|ONBEKEND"
    "|N\u00daM|DESPEJAR|DESCONHECIDO"
    "|SK\u00c4RNING|DIVISION/0|V\u00c4RDEFEL|REFERENS|NAMN|OGILTIGT|SAKNAS|V\u00c6RDI|VERDI|REFERENCE|NAVN"
    "|TYHJ\u00c4|JAKO/0|ARVO|VIITTAUS|NIMI|LUKU|PUUTTUU|DZIEL/0|ARG|ADR|NAZWA|LICZBA)[!?])"
)
_FORCED_TEXT = re.compile(r'="(?:[^"]|"")*"')
#: What programs write where there is no value.
NO_VALUE = re.compile(r"(?i:null|none|nil|undefined|n/a|nan|<na>|nat)")


#: What to do about an id that a spreadsheet has rounded.
AS_TEXT = "Format its column as text and fill it in anew."


def is_rounded(value: object) -> bool:
    """Whether an id is written as spreadsheets write long numbers, with most of its digits gone.

    Example:
        >>> is_rounded("1.0E+11"), is_rounded("880524014")
        (True, False)
    """
    return isinstance(value, str) and _ROUNDED_ID.match(value) is not None


def _is_filled(sde: AnySde) -> bool:
    return any(value not in (None, {}, []) for _, value in sde)
