"""``doctor``, ``token_chain`` and ``explain``: what is wrong with an account, a token or a request."""
