# rstwatch: "make run" and "make test" are all that most people need; "make help" lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Go is often unpacked to /usr/local/go without being in PATH.
export PATH := $(PATH):/usr/local/go/bin:/usr/local/sbin:/usr/sbin:/sbin
# The BPF objects are compared byte for byte, so the compiler that makes them is pinned.
export BPF2GO_CC ?= clang-14
export BPF2GO_STRIP ?= llvm-strip-14

PREFIX ?= /usr/local
FUZZTIME ?= 10s
ARGS ?=
LDFLAGS = -s -w -X main.version=$(shell tools/version.sh)

##@ The two commands
run: build ## build, then record resets as root until Ctrl-C (ARGS='...' adds arguments)
	@tools/as-root.sh bin/rstwatch run --output text $(ARGS)

test: ## install what is missing, then every check and every test, privileged ones included
	@tools/setup.sh generate test
	@tools/check.sh
	@tools/generate-check.sh
	@tools/test.sh $(ARGS)

##@ Building
build: ## bin/rstwatch, static, stamped with the version
	@CGO_ENABLED=0 go build -trimpath -ldflags "$(LDFLAGS)" -o bin/rstwatch ./cmd/rstwatch

generate: ## rebuild the BPF objects and other generated Go files (clang-14)
	@tools/setup.sh generate
	@go generate ./...

clean: ## remove what was built
	@rm -rf bin .cache

##@ Checking
check: ## the quick part of "make test": layout, go vet, generated files
	@tools/setup.sh generate
	@tools/check.sh
	@tools/generate-check.sh

generate-check: ## are the generated files what their sources make?
	@tools/setup.sh generate
	@tools/generate-check.sh

fmt: ## lay out the Go files
	@gofmt -w $$(git ls-files '*.go' | grep -v testdata/)

fuzz: ## every fuzz target for FUZZTIME (10s) each
	@tools/fuzz.sh $(FUZZTIME)

kernels: ## the lab on Debian's 5.10, 6.1, 6.12 and newest kernel, in QEMU (20 minutes; KERNELS='5.10 newest' chooses)
	@tools/setup.sh kernels
	@go run ./test/kernels $(ARGS) $(KERNELS)

verdicts: ## every kind of reset, watched by every sensor: is the verdict right? Writes the tables of docs/explanation/verdicts.md (root, five minutes)
	@tools/setup.sh test
	@RSTWATCH_TEST_REQUIRE=1 go test ./test/verdicts -count=1 -timeout 60m -v -run '^TestVerdicts$$' -whole -update $(ARGS)

lint: ## golangci-lint, shellcheck and clang-format (minutes the first time: the linter is built)
	@tools/setup.sh lint
	@tools/lint.sh

nightly: ## hours: lint, every test with the race detector, every fuzz target for five minutes
	@tools/setup.sh generate test lint nightly
	@tools/generate-check.sh
	@FUZZTIME=$(if $(filter command line,$(origin FUZZTIME)),$(FUZZTIME),5m) tools/nightly.sh

bench: build ## what watching costs and what is recorded, beside what others use; writes the tables of docs/explanation/measurements.md (root, half an hour)
	@tools/setup.sh test
	@tools/bench.sh

##@ Documents
doc: ## write the generated reference pages
	@go test ./internal/config -run 'TestReferenceIsCurrent|TestRenderDefaultReadsBack' -count=1 -update
	@go test ./cmd/rstwatch -run TestReferenceIsCurrent -count=1 -update
	@go test ./internal/attribute -run 'TestReferenceIsCurrent|TestPagesHaveTheRules' -count=1 -update
	@go test ./internal/causes -run TestListIsCurrent -count=1 -update

man: build ## the man pages, in bin/man
	@bin/rstwatch man bin/man
	@ls bin/man | wc -l | xargs -I{} echo "{} pages in bin/man; read one: man bin/man/rstwatch.8"

##@ Installing by hand, for packagers ("rstwatch install" is for machines)
install: build ## binary and systemd unit under DESTDIR and PREFIX
	@install -D -m 0755 bin/rstwatch "$(DESTDIR)$(PREFIX)/bin/rstwatch"
	@install -d "$(DESTDIR)$(PREFIX)/lib/systemd/system"
	@sed 's#/usr/local/bin/rstwatch#$(PREFIX)/bin/rstwatch#' packaging/systemd/rstwatch.service \
		>"$(DESTDIR)$(PREFIX)/lib/systemd/system/rstwatch.service"

uninstall: ## what "make install" put there
	@rm -f "$(DESTDIR)$(PREFIX)/bin/rstwatch" "$(DESTDIR)$(PREFIX)/lib/systemd/system/rstwatch.service"

##@ This list
help: ## every target in one line
	@awk -F ':.*## ' '/^##@ / { print "\n" substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run test build generate clean check generate-check fmt fuzz kernels verdicts lint nightly bench doc man install uninstall help
