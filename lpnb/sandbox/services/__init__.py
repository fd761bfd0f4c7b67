"""One module for each LivePerson API that the sandbox imitates."""
