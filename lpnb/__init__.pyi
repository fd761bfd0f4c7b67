"""The public names, for editors and type checkers; a test keeps them equal to ``__init__.py``."""

from lpnb.advice import Hint as Hint
from lpnb.advice import advise as advise
from lpnb.batches import ConversationBatch as ConversationBatch
from lpnb.batches import RawBatch as RawBatch
from lpnb.checkup import doctor as doctor
from lpnb.client import AsyncClient as AsyncClient
from lpnb.client import Client as Client
from lpnb.connection import connect as connect
from lpnb.errors import AlreadyOpenError as AlreadyOpenError
from lpnb.errors import ChangedCasesError as ChangedCasesError
from lpnb.errors import CredentialsError as CredentialsError
from lpnb.errors import InvalidValueError as InvalidValueError
from lpnb.errors import JournalError as JournalError
from lpnb.errors import LpnbError as LpnbError
from lpnb.errors import NoAnswerError as NoAnswerError
from lpnb.errors import NotSentError as NotSentError
from lpnb.errors import RefusedError as RefusedError
from lpnb.errors import RunError as RunError
from lpnb.errors import ServiceError as ServiceError
from lpnb.errors import SettingsError as SettingsError
from lpnb.errors import UnauthorizedError as UnauthorizedError
from lpnb.errors import UntrustedHostError as UntrustedHostError
from lpnb.examples import page_examples as page_examples
from lpnb.masking import Secret as Secret
from lpnb.payloads import CampaignInfo as CampaignInfo
from lpnb.payloads import ClientProperties as ClientProperties
from lpnb.payloads import ConsumerRequestConversation as ConsumerRequestConversation
from lpnb.payloads import ConversationContext as ConversationContext
from lpnb.payloads import SetUserProfile as SetUserProfile
from lpnb.responses import BatchResponse as BatchResponse
from lpnb.sandbox import Sandbox as Sandbox
from lpnb.sdes import Address as Address
from lpnb.sdes import Age as Age
from lpnb.sdes import Auth as Auth
from lpnb.sdes import Contact as Contact
from lpnb.sdes import CustomerInfo as CustomerInfo
from lpnb.sdes import Day as Day
from lpnb.sdes import PersonalInfo as PersonalInfo
from lpnb.settings import Settings as Settings
from lpnb.tables import responses_table as responses_table
from lpnb.widgets.composer import Composer as Composer

__version__: str
