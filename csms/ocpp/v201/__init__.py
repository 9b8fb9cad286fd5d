"""OCPP 2.0.1: one file per functional block, A to P."""
