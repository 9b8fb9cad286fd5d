"""OCPI 2.2.1 without sockets: objects, the envelope around them, headers, and what of ours becomes which of theirs."""
