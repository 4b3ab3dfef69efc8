# The image of docsluice: docker build --tag docsluice:0.1.0 .
# The image of its workers on a cluster: docker build --target worker --tag docsluice-worker:0.1.0 .
# docs/deploy.md says how they are used. The bases are pinned by version. Whoever wants to have them
# pinned by content too gives a digest: --build-arg PYTHON=3.12.12-slim-bookworm@sha256:...
ARG PYTHON=3.12.12-slim-bookworm
# The version of apache-beam in constraints.txt: driver and workers must have the same.
ARG BEAM=2.77.0

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

FROM python:${PYTHON} AS runtime
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

# Beam's entry point of a worker: a program of its own, and its licences.
FROM apache/beam_python3.12_sdk:${BEAM} AS beam

# Python and packages are those of the driver, as code is sent from it to its workers.
FROM runtime AS worker
COPY --from=beam /opt/apache/beam /opt/apache/beam
# Else each worker would make an environment of its own, which would not see /opt/docsluice.
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
# The entry point writes the options of the job to where it stands.
WORKDIR /var/cache/docsluice
USER 10001:10001
ENTRYPOINT ["/opt/apache/beam/boot"]

# Last, as it is what is built unless another target is named.
FROM runtime AS docsluice
USER 10001:10001
ENTRYPOINT ["docsluice"]
CMD ["--help"]
