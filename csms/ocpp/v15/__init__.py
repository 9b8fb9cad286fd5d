"""OCPP 1.5: the same facts and commands, in SOAP elements."""
