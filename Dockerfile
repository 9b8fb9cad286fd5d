# Chargehouse in one image: the node, the control API and the portal (and PostgreSQL, unless
# CHARGEHOUSE_DATABASE_URL names a server). `docker build -t chargehouse .`
# Parts of a cluster are the same image with another command: node, control, portal, migrate, loadtest
# (deploy/compose-cluster). Their health is asked elsewhere: give them a health check of their own.

FROM python:3.13-slim-bookworm AS build

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN ["python", "-m", "venv", "/opt/chargehouse"]

# The pinned packages first: this layer stays while only our own code changes.
COPY requirements/run.txt requirements/run.txt
RUN ["/opt/chargehouse/bin/pip", "install", "--require-hashes", "-r", "requirements/run.txt"]

COPY pyproject.toml README.md LICENSE THIRD_PARTY_NOTICES.md ./
COPY csms csms
COPY control control
COPY webui webui
COPY loadtest loadtest
RUN /opt/chargehouse/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/chargehouse/bin/pip install --no-deps /wheels/chargehouse-*.whl


FROM python:3.13-slim-bookworm AS runtime

RUN groupadd --gid 10001 chargehouse \
    && useradd --uid 10001 --gid chargehouse --no-create-home --home-dir /var/lib/chargehouse chargehouse \
    && install --directory --owner=chargehouse --group=chargehouse --mode=0700 /var/lib/chargehouse
COPY --from=build /opt/chargehouse /opt/chargehouse

ENV PATH=/opt/chargehouse/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CHARGEHOUSE_DATA_DIR=/var/lib/chargehouse
WORKDIR /var/lib/chargehouse
USER 10001:10001
VOLUME ["/var/lib/chargehouse"]

# Stations (OCPP), their files, control API (gRPC), portal (HTTP).
EXPOSE 9000 9001 50051 8080

# A drain takes up to 10 s: give `docker stop` more (--time 30), as compose.yaml does.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]

ENTRYPOINT ["chargehouse"]
CMD ["serve", "--ocpp-listen", "0.0.0.0:9000", "--files-listen", "0.0.0.0:9001", "--control-listen", "0.0.0.0:50051", "--portal-listen", "0.0.0.0:8080"]
