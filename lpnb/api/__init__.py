"""One module for each LivePerson API: its requests and responses as flows, without connections."""
