"""One module for each LivePerson API: its requests and answers as flows, without connections."""
