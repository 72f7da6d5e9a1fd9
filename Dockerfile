# Doorward as a container: one static binary, no root, nothing else in it.
#
#   docker build -t doorward .
#   docker run --rm -i doorward hash-password
#   docker run -p 8080:8080 -e DOORWARD_UPSTREAM=http://app:3000 -e DOORWARD_USERS='alice:$argon2id$…' doorward
#
# Another architecture is cross-built: docker build --platform linux/arm64 .
# `make image` takes the second stage alone, around the binaries of `make static`.

FROM --platform=$BUILDPLATFORM rust:1-slim-bookworm AS build
# BuildKit sets it only where it has no default; older builders do not, and build for themselves.
ARG TARGETARCH
WORKDIR /src
COPY . .
RUN architecture="${TARGETARCH:-$(dpkg --print-architecture)}" \
 && .ci/setup static \
 && .ci/static "$architecture" \
 && .ci/image-root /image "target/static/$architecture/doorward" target/static/THIRD-PARTY

FROM scratch
COPY --from=build /image /

ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="Doorward" \
      org.opencontainers.image.description="A login, sessions, CSRF and CORS in front of an app that has none of them" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/doorward/doorward" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"

# The environment beats the file: a mounted file need not know that it is in a container.
# /etc/doorward/doorward.yaml is read if it is there; without it the environment is all.
ENV PATH=/usr/local/bin \
    DOORWARD_DATA_DIR=/var/lib/doorward/data \
    DOORWARD_LISTEN=0.0.0.0:8080

# By number, so that Kubernetes' runAsNonRoot can see it. Any other user will do.
USER 10001:10001
WORKDIR /var/lib/doorward
# Keys and sessions: without a volume every new container signs everybody out.
VOLUME /var/lib/doorward
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["doorward", "healthcheck"]
ENTRYPOINT ["doorward"]
CMD ["run"]
