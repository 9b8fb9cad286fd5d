"""OCPP, sans I/O: bytes and dicts in, facts and commands in domain words out."""
