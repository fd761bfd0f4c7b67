"""Makes ``import httpx`` give httpx2, its maintained successor: ``pytest -p httpx2_in_place``."""

from __future__ import annotations

import httpx2

httpx2.alias_httpx()
