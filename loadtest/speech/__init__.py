"""What stations say and how they read answers, one module or two per version of OCPP; a second implementation."""
