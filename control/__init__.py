"""The gRPC control plane: a translator, not a brain."""

from __future__ import annotations

import os

# gRPC would start its threads anew in every child that this process forks (PostgreSQL, pg_dump), where its descriptors
# are closed already: the child then dies before it becomes what it was forked for.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
