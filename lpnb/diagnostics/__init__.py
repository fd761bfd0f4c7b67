"""``doctor`` and ``token_chain``: what is wrong with an account, a token or a request."""
