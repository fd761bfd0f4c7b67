"""Headers in people's words: which column a header such as "Customer type" or "Kundennummer" stands for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from lpnb._internal.suggestions import nearest
from lpnb.experiments.cases.columns import NOTE, find_column, known_columns

#: What people call a column, in English and German, besides its last name split into words.
_SYNONYMS: dict[str, str] = {
    "case": "case name, test case, scenario, testfall, fall, szenario",
    "consumer_id": "consumer, consumer id, ext consumer id, konsument, verbraucher id",
    "expected_skill": "expected skill, expected queue, target skill, should land in, erwarteter skill, "
    "erwartete warteschlange, zielskill, soll skill",
    "expected_code": "expected code, expected result, erwarteter code, soll code",
    "skillId": "skill, skill id, queue, queue id, warteschlange, skill nummer",
    "ttrDefName": "urgency, priority, ttr, dringlichkeit, prioritaet",
    "campaignInfo.campaignId": "campaign, campaign id, campaign name, kampagne, kampagnen id, kampagnenname",
    "campaignInfo.engagementId": "engagement, engagement id, engagement nummer",
    "conversationContext.lang": "context language, conversation language, gespraechssprache",
    "ctmrinfo.ctype": "customer type, type of customer, customer tier, tier, segment, customer segment, "
    "kundentyp, "
    "kundenart, kundensegment, kundengruppe",
    "ctmrinfo.cstatus": "customer status, status of customer, kundenstatus",
    "ctmrinfo.customerId": "customer id, customer number, customer no, customer nr, client number, "
    "client id, "
    "account number, kundennummer, kunden nr, kundennr, kunden id, kdnr, kontonummer",
    "ctmrinfo.balance": "balance, account balance, saldo, kontostand, guthaben",
    "ctmrinfo.currency": "currency, waehrung",
    "ctmrinfo.socialId": "social id, social media id",
    "ctmrinfo.userName": "user name, username, login, login name, benutzername, nutzername, anmeldename",
    "ctmrinfo.companyBranch": "branch, company branch, branch office, filiale, niederlassung, zweigstelle",
    "ctmrinfo.companySize": "company size, employees, number of employees, unternehmensgroesse, "
    "firmengroesse, "
    "mitarbeiterzahl",
    "ctmrinfo.accountName": "account name, company, company name, firma, firmenname, unternehmen",
    "ctmrinfo.role": "role, job title, rolle, funktion, position",
    "ctmrinfo.loginStatus": "login status, anmeldestatus",
    "ctmrinfo.lastPaymentDate": "last payment, last payment date, date of last payment, letzte zahlung, "
    "datum der letzten zahlung",
    "ctmrinfo.registrationDate": "registration, registration date, registered on, customer since, "
    "registrierung, "
    "registrierungsdatum, anmeldedatum, kunde seit",
    "personal.firstname": "first name, given name, forename, vorname",
    "personal.lastname": "last name, surname, family name, nachname, familienname",
    "personal.gender": "gender, sex, geschlecht",
    "personal.language": "language, preferred language, sprache",
    "personal.company": "employer, arbeitgeber",
    "personal.age": "date of birth, birth date, birthday, birthdate, dob, born, born on, geburtsdatum, "
    "geburtstag, "
    "geboren, geboren am",
    "personal.age.age": "age, age in years, alter",
    "personal.age.year": "year of birth, birth year, geburtsjahr",
    "personal.contacts.0.email": "email, e mail, email address, e mail address, mail, e mail adresse, "
    "emailadresse",
    "personal.contacts.0.phone": "phone, phone number, telephone, mobile, mobile number, telefon, "
    "telefonnummer, "
    "handy, handynummer, mobilnummer",
    "personal.contacts.0.phoneType": "phone type, telefonart",
    "personal.contacts.0.address.country": "country, land",
    "personal.contacts.0.address.region": "region, state, bundesland",
}


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """What a header of a table was taken for.

    Attributes:
        header: As it stands in the table.
        column: The wire-dotted column, or None when it is unknown or left out.
        how: "name" (it is the column's own), "words", "given" (by a mapping), "left out", or "unknown".
        candidates: For an unknown one, the columns it might be.
    """

    header: str
    column: str | None
    how: str
    candidates: tuple[str, ...] = ()


def match_headers(headers: Sequence[str], given: Mapping[str, str | None] | None = None) -> list[HeaderMatch]:
    """Say what each of *headers* stands for; *given* says it for some, None leaves one out.

    Example:
        >>> [match.column for match in match_headers(["Customer type", "Kundennummer", "skillId"])]
        ['ctmrinfo.ctype', 'ctmrinfo.customerId', 'skillId']
        >>> match_headers(["Shoe size"])[0].column, match_headers(["Shoe size"], {"Shoe size": None})[0].how
        (None, 'left out')
    """
    return [_match(header, given or {}) for header in headers]


def _match(header: str, given: Mapping[str, str | None]) -> HeaderMatch:
    if header in given:
        column = given[header]
        if column is None or column.strip() in ("", "-"):
            return HeaderMatch(header, None, "left out")
        return HeaderMatch(header, column, "given")
    if find_column(header) is not None:
        return HeaderMatch(header, header, "name")
    words = header_words(header)
    if words in _columns_by_words():
        return HeaderMatch(header, _columns_by_words()[words], "words")
    return HeaderMatch(header, None, "unknown", _candidates(header, words))


def header_words(header: str) -> str:
    """A header as lower-case words without accents, by which it is looked up.

    Example:
        >>> header_words(" E-Mail_Adresse "), header_words("Währung"), header_words("customerId")
        ('e mail adresse', 'waehrung', 'customer id')
    """
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFC", header)).casefold()
    for sign, spelled in (("ä", "ae"), ("ö", "oe"), ("ü", "ue")):
        text = text.replace(sign, spelled)
    text = unicodedata.normalize("NFKD", text)
    text = "".join(sign for sign in text if not unicodedata.combining(sign))
    return " ".join(re.findall(r"[a-z0-9]+", text))


@cache
def _columns_by_words() -> Mapping[str, str]:
    known: dict[str, str] = {}
    for column, phrases in _SYNONYMS.items():
        if find_column(column) is not None:
            for phrase in phrases.split(","):
                known.setdefault(header_words(phrase), column)
    # A field's own name in words, where it is one field's alone: "Store number", "Interaction context id".
    fields: dict[str, list[str]] = {}
    for column in known_columns():
        if not column.startswith(
            ("engagementAttributes.", "identities.", "entryPoints", "clientProperties.")
        ):
            fields.setdefault(header_words(column.rsplit(".", 1)[-1]), []).append(column)
            known.setdefault(header_words(column), column)
    for words, columns in fields.items():
        if len(columns) == 1:
            known.setdefault(words, columns[0])
    return known


def _candidates(header: str, words: str) -> tuple[str, ...]:
    """Columns that an unknown header may stand for: those that share its rarest word, or nearly its "
    "spelling."""
    known = _columns_by_words()
    close = nearest(header, known_columns(), cutoff=0.75) or nearest(words, list(known), cutoff=0.8)
    columns = [known.get(name, name) for name in close]
    return tuple(dict.fromkeys(columns))[:3]


def unknown_header(match: HeaderMatch) -> str:
    """The sentence about a header that stands for no column."""
    if not match.header.strip():
        return "A column has no name. Name it, or leave it out."
    sentence = f"{match.header!r} is not a column that lpnb knows."
    if match.candidates:
        return f"{sentence} Did you mean {' or '.join(map(repr, match.candidates))}?"
    return f"{sentence} What is not to be sent goes into columns named '{NOTE}' and a word of your own."
