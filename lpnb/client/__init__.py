"""``Client`` and ``AsyncClient``: one account, its tokens, its conversations."""
