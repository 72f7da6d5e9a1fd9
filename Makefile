# `make run` shows Doorward at work, `make test` proves it. The rest is for those who change it.

.DEFAULT_GOAL := help
.PHONY: help run test behind apps bench docs upload-bench pgo lint deny setup fuzz fuzz-smoke differential static image image-test deb deb-test release release-test

help:
	@echo "make run         try it: gateway, a small app behind it and one user, nothing to set up"
	@echo "make test        every test, with the real programs that they need"
	@echo "make behind      ask real servers through it what they see: REQUESTS=100000 SERVERS='gunicorn puma' SEED=12"
	@echo "make apps        use real apps through it, with a real browser: APPS='jupyterlab vite'"
	@echo "make bench       measure it beside bare Pingora, HAProxy and nginx: ONLY=forwarded, ARGS=--quick, PGO=true"
	@echo "make upload-bench  how long an upload takes over HTTP/2 and HTTP/1.1 at 100 ms: ARGS='--rounds 21 --mib 32'"
	@echo "make pgo         build target/pgo/doorward, guided by a profile of the benchmark's load"
	@echo "make lint        formatting, clippy and documentation, warnings denied"
	@echo "make deny        licences, sources and known holes of what it is made of"
	@echo "make setup       install what the tests need (make test does it by itself)"
	@echo "make fuzz-smoke  every fuzz target for some seconds"
	@echo "make fuzz        one of them: T=gate SECONDS=600"
	@echo "make differential  the same bytes to us, nginx, HAProxy, Apache and Caddy: REQUESTS=100000 SECONDS=600 SEED=12"
	@echo "make docs        build the site of docs/ into target/docs-site, and look at every link of it"
	@echo "make static      static binaries for Linux, target/static: ARCH='amd64 arm64', PROFILE=file"
	@echo "make image       the container image around them, with docker or buildah"
	@echo "make image-test  try the image of each architecture; WHOLE=true builds the Dockerfile for it"
	@echo "make deb         the Debian packages around them, target/deb"
	@echo "make deb-test    install, upgrade and purge one in a clean Debian"
	@echo "make release     all of a release, signed, in target/dist: KEY=file, PROFILE=file"
	@echo "make release-test  check target/dist, and build everything in it a second time"

run:
	@.ci/setup build
	cargo run --locked --bin doorward -- demo $(ARGS)

setup:
	@.ci/setup test

test: setup
	@if cargo nextest --version >/dev/null 2>&1; then \
		set -x; cargo test --locked --doc && cargo nextest run --locked --no-fail-fast; \
	else \
		set -x; cargo test --locked --no-fail-fast; \
	fi

REQUESTS ?= 100000
SEED ?= 12
behind:
	@.ci/setup behind
	cargo build --locked --bin doorward
	python3 -B tests/behind --doorward "$${CARGO_TARGET_DIR:-target}/debug/doorward" --tools "$${CARGO_TARGET_DIR:-target}/behind" \
		--total $(REQUESTS) --seed $(SEED) $(foreach server,$(SERVERS),--server $(server))

apps:
	@.ci/setup apps
	cargo build --locked --bin doorward
	python3 -B tests/apps --doorward "$${CARGO_TARGET_DIR:-target}/debug/doorward" --tools "$${CARGO_TARGET_DIR:-target}/apps" \
		$(foreach app,$(APPS),--app $(app))

bench:
	@.ci/setup $(if $(filter true,$(PGO)),pgo,bench)
	@PGO=$(PGO) .ci/bench $(if $(ONLY),--only $(ONLY)) $(ARGS)

upload-bench:
	cargo build --locked --bin doorward
	python3 -B benches/upload.py --doorward "$${CARGO_TARGET_DIR:-target}/debug/doorward" $(ARGS)

pgo:
	@.ci/setup pgo
	@.ci/pgo

lint:
	@.ci/setup build
	cargo fmt --check
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

deny:
	@.ci/setup deny
	.ci/deny

fuzz-smoke:
	@.ci/fuzz smoke

T ?= gate
SECONDS ?= 600
fuzz:
	@.ci/fuzz run $(T) $(SECONDS)

differential:
	@.ci/setup differential
	@.ci/differential --requests $(REQUESTS) --seconds $(SECONDS) --seed $(SEED) $(ARGS)

docs:
	@.ci/setup docs
	@.ci/docs

ARCH ?= amd64 arm64
static:
	@.ci/setup static
	@PROFILE="$(PROFILE)" .ci/static $(ARCH)

image: static
	@.ci/image doorward $(ARCH)

image-test:
	@.ci/setup release
	@.ci/image-test $(if $(filter true,$(WHOLE)),--dockerfile,$(ARCH))

deb: static
	@.ci/setup release
	@.ci/deb $(ARCH)

deb-test:
	@.ci/setup release
	@.ci/deb-test

release:
	@.ci/setup release
	@KEY="$(KEY)" PROFILE="$(PROFILE)" .ci/release

release-test:
	@.ci/setup release
	@.ci/release-test
