# The image of docsluice: docker build --tag docsluice:0.1.0 .
# docs/deploy.md says how it is used. The base is pinned by version. Whoever wants to have it pinned
# by content too gives a digest: --build-arg PYTHON=3.12.12-slim-bookworm@sha256:...
ARG PYTHON=3.12.12-slim-bookworm

FROM python:${PYTHON} AS build
WORKDIR /source
COPY constraints.txt ./
# Ready-made wheels alone: nothing is compiled, so no compiler is needed, here or later.
RUN python -m venv /opt/docsluice \
    && /opt/docsluice/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
        --no-deps --require-hashes --only-binary :all: --requirement constraints.txt
COPY . ./
RUN /opt/docsluice/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
        --no-deps --no-build-isolation .

FROM python:${PYTHON} AS docsluice
LABEL org.opencontainers.image.title="docsluice" \
      org.opencontainers.image.description="Raw documents in; clean, deduplicated, enriched, searchable documents out." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# A new volume takes over the owner of the directory that it is mounted on.
RUN groupadd --gid 10001 docsluice \
    && useradd --uid 10001 --gid docsluice --create-home docsluice \
    && install --directory --owner=docsluice --group=docsluice --mode=700 \
        /store /keys /keys/ingest /keys/provision \
        /var/cache/docsluice /var/cache/docsluice/numba /var/cache/docsluice/tmp
COPY --from=build /opt/docsluice /opt/docsluice
# Compiled loops and large temporary files go to /var/cache/docsluice, so that the rest can be read-only.
ENV PATH=/opt/docsluice/bin:$PATH \
    DOCSLUICE_STORE=/store \
    NUMBA_CACHE_DIR=/var/cache/docsluice/numba \
    TMPDIR=/var/cache/docsluice/tmp \
    OPENBLAS_NUM_THREADS=1
WORKDIR /
USER 10001:10001
ENTRYPOINT ["docsluice"]
CMD ["--help"]
