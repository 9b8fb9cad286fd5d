"""OCPP 1.5: SOAP from stations and to stations, over HTTP."""
