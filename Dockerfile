# Doorward as a container: one binary, no root, nothing else running.
#
#   docker build -t doorward .
#   docker run --rm -i doorward hash-password
#   docker run -p 8080:8080 -v "$PWD/doorward.yaml:/etc/doorward/doorward.yaml:ro" \
#              -v doorward-data:/var/lib/doorward doorward

FROM rust:1-slim-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates cmake g++ make \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin doorward \
 && .ci/licences > THIRD-PARTY

FROM debian:bookworm-slim
RUN groupadd --gid 10001 doorward \
 && useradd --uid 10001 --gid doorward --no-create-home --home-dir /var/lib/doorward \
            --shell /usr/sbin/nologin doorward \
 && install -d -m 0755 /etc/doorward \
 && install -d -m 0700 -o doorward -g doorward /var/lib/doorward
# For an https:// upstream; the list comes with the build image.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# Our licence, and those of what is compiled in.
COPY --from=build /src/LICENSE /src/THIRD-PARTY /usr/share/doc/doorward/
COPY --from=build /src/target/release/doorward /usr/local/bin/doorward

# The environment beats the file: a mounted file need not know that it is in a container.
# /etc/doorward/doorward.yaml is read if it is there; without it the environment is all.
ENV DOORWARD_DATA_DIR=/var/lib/doorward \
    DOORWARD_LISTEN=0.0.0.0:8080

# By number, so that Kubernetes' runAsNonRoot can see it.
USER 10001:10001
WORKDIR /var/lib/doorward
# Keys and revocations: without a volume every restart signs everybody out.
VOLUME /var/lib/doorward
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["doorward", "healthcheck"]
ENTRYPOINT ["doorward"]
CMD ["run"]
