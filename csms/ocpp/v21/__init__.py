"""OCPP 2.1: 2.0.1 plus what is new, and what reads differently."""
