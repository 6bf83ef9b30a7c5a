# The image of web, worker, beat and the migration job. Build and run it through docker-compose.yml.

FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv --without-pip /opt/estate
COPY requirements/build.txt requirements/prod.txt requirements/
# The tools that build the wheel stay in this stage.
RUN pip install --quiet --require-hashes -r requirements/build.txt
RUN pip --python /opt/estate/bin/python install --quiet --only-binary :all: --require-hashes -r requirements/prod.txt
COPY pyproject.toml README.md ./
COPY migrations migrations
COPY src src
RUN pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . \
 && pip --python /opt/estate/bin/python install --quiet --no-deps dist/*.whl

FROM python:3.12-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin estate
COPY --from=build /opt/estate /opt/estate
ENV PATH=/opt/estate/bin:$PATH PYTHONUNBUFFERED=1 ESTATE_ENVIRONMENT=production ESTATE_API_HOST=0.0.0.0 OMP_NUM_THREADS=1
WORKDIR /opt/estate
USER estate
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=6 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["estate", "serve"]
