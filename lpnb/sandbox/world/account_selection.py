"""Selects the world, account and app installation that a sandbox introduces itself with."""

import os
from dataclasses import dataclass
from pathlib import Path

from lpnb.sandbox.world.loader import default_world, read_world
from lpnb.sandbox.world.models import Account, Installation, World

DEFAULT_SECRET = "sandbox-secret-not-a-real-one"  # noqa: S105
SECRETS = (
    "LP_CLIENT_SECRET",
    "LP_AGENT_PASSWORD",
    "LP_HISTORY_SECRET",
    "LP_HISTORY_TOKEN",
    "LP_HISTORY_TOKEN_SECRET",
)


@dataclass(frozen=True, slots=True)
class SelectedAccount:
    """A world, and the account and installation that `Sandbox.environment` names."""

    world: World
    account_id: str
    client_id: str
    client_secret: str


def select_account(
    world: World | str | os.PathLike[str] | None,
    account_id: str | None = None,
    client_id: str | None = None,
    client_secret: str | None = None,
) -> SelectedAccount:
    """The world to play, with what was chosen put into it.

    What is None is taken from the world: its first account, that account's first installation. An
    account id that the default world does not have becomes the id of its bank; a client id that the
    account does not have becomes that of its first installation.

    Raises:
        ValueError: When a world that was given has no such account.
        WorldError: When the file is no world.
        OSError: When it cannot be read.

    Example:
        >>> select_account(None, account_id="le_42").world.accounts_by_id["le_42"].name
        'Harbour & Vale Bank'
    """
    if isinstance(world, World):
        selected_world = world
    else:
        selected_world = default_world() if world is None else read_world(Path(world))
    account = selected_world.accounts[0]
    if account_id is not None and account_id in selected_world.accounts_by_id:
        account = selected_world.accounts_by_id[account_id]
    elif account_id is not None:
        if world is not None:
            ids_text = ", ".join(selected_world.accounts_by_id)
            raise ValueError(f"account_id must be an account of the world, {ids_text}; got {account_id!r}.")
        account = account.model_copy(update={"id": account_id})
    original = account.installations_by_id.get(client_id or "") or account.installations[0]
    installation = original.model_copy(
        update={
            "client_id": client_id or original.client_id,
            "client_secret": client_secret or _secret(original, client_id),
        }
    )
    account = _copy_account(
        account,
        installations=tuple(installation if old is original else old for old in account.installations),
    )
    accounts = tuple(
        account if position == _position(selected_world, account, world is None) else old
        for position, old in enumerate(selected_world.accounts)
    )
    return SelectedAccount(
        World(name=selected_world.name, rules=selected_world.rules, accounts=accounts),
        account.id,
        installation.client_id,
        installation.client_secret,
    )


def _secret(installation: Installation, client_id: str | None) -> str:
    """An installation's own secret; the sandbox's public one for an id that was made up."""
    return installation.client_secret if client_id in (None, installation.client_id) else DEFAULT_SECRET


def _position(world: World, account: Account, is_default: bool) -> int:
    ids = [item.id for item in world.accounts]
    return ids.index(account.id) if account.id in ids or not is_default else 0


def _copy_account(account: Account, **changes: object) -> Account:
    """A changed copy, without what the original had looked up before."""
    return Account.model_construct(
        **{name: getattr(account, name) for name in Account.model_fields} | changes
    )


def history_settings(account: Account) -> dict[str, str]:
    """The settings with which a client reads history: the first agent, and the first API key.

    Example:
        >>> sorted(history_settings(default_world().accounts[0]))[:3]
        ['LP_AGENT_LOGIN', 'LP_AGENT_PASSWORD', 'LP_HISTORY_KEY']
    """
    settings: dict[str, str] = {}
    for agent in account.agents[:1]:
        settings |= {"LP_AGENT_LOGIN": agent.login, "LP_AGENT_PASSWORD": agent.password}
    for key in account.api_keys[:1]:
        settings |= {
            "LP_HISTORY_KEY": key.consumer_key,
            "LP_HISTORY_SECRET": key.consumer_secret,
            "LP_HISTORY_TOKEN": key.token,
            "LP_HISTORY_TOKEN_SECRET": key.token_secret,
        }
    return settings


def public_secrets() -> set[str]:
    """The secrets of the default world, which open nothing but a sandbox and may be shown."""
    settings = history_settings(default_world().accounts[0])
    return {DEFAULT_SECRET, *(settings[name] for name in SECRETS[1:])}
