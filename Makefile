# The checks that every commit has to pass, one target each. .ci/run runs them all.

# Nested modules, such as ./tools.
MODULES := $(shell find . -mindepth 2 -name go.mod -exec dirname {} \;)

# Examples that run without an account. With credentials in the environment they would talk to the
# real service instead of the fake one.
EXAMPLES := $(filter-out examples/post-message/main.go,$(wildcard examples/*/main.go))
unexport SMOOCH_KEY_ID SMOOCH_KEY_SECRET SMOOCH_TOKEN

# How long each fuzz function runs: a duration, or a number of inputs as here.
FUZZTIME ?= 100000x

.PHONY: help test examples race vet fmt tidy fix modules lint vuln fuzz bench ci apidiff release api picture

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-10s%s\n", $$1, $$2 }' Makefile

test: ## run the tests
	go test ./...

examples: ## run the examples that need no account
	@failed=; for main in $(EXAMPLES); do \
		echo "go run ./$${main%/main.go}"; \
		go run "./$${main%/main.go}" || failed=1; \
	done; [ -z "$$failed" ]
	go -C smoochnats run ./examples/fleet -events 2000 -users 100
	go -C smoochotel/examples run ./trace-a-send

race: ## run the tests with the race detector
	go test -race ./...

vet: ## run go vet
	go vet ./...

fmt: ## show what gofmt would change
	gofmt -d .

tidy: ## show what go mod tidy would change, nested modules included
	@failed=; for dir in . $(MODULES); do \
		echo "go -C $$dir mod tidy -diff"; \
		go -C $$dir mod tidy -diff || failed=1; \
	done; [ -z "$$failed" ]

fix: ## show what go fix would change
	go fix -diff ./...

modules: ## vet and test the nested modules; chaos and e2e print what they find, tools is only verified
	@failed=; for dir in $(MODULES); do \
		echo "$$dir"; \
		[ $$dir != ./smoochredis ] || command -v redis-server >/dev/null || echo 'left out: redis-server is not installed'; \
		if [ $$dir = ./tools ]; then go -C $$dir mod verify; \
		elif [ $$dir = ./chaos ] || [ $$dir = ./e2e ]; then go -C $$dir vet ./... && go -C $$dir test; \
		else go -C $$dir vet ./... && go -C $$dir test ./...; fi || failed=1; \
	done; [ -z "$$failed" ]

lint: ## run the linters of .golangci.yml, staticcheck among them, nested modules included
	@failed=; for dir in . $(filter-out ./tools,$(MODULES)); do \
		echo "golangci-lint run $$dir"; \
		(cd $$dir && go tool -modfile=$(CURDIR)/tools/go.mod golangci-lint run --allow-parallel-runners) || failed=1; \
	done; [ -z "$$failed" ]

vuln: ## look for known vulnerabilities; left out if the database cannot be reached
	@if out=$$(go tool -modfile=tools/go.mod govulncheck ./... 2>&1); then echo "$$out"; \
	else case $$out in \
		*'fetching vulnerabilities'*) echo 'left out: the database cannot be reached';; \
		*) echo "$$out"; exit 1;; \
	esac; fi

fuzz: ## run every fuzz function for a short time (FUZZTIME)
	@set -e; for pkg in $$(go list ./...); do \
		names=$$(go test -list '^Fuzz' $$pkg); \
		for name in $$(echo "$$names" | grep '^Fuzz'); do \
			echo "$$pkg $$name"; \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

bench: ## run every benchmark once, to see that it works
	go test -run '^$$' -bench . -benchtime 1x ./...

ci: ## run everything above, as CI does
	.ci/run

apidiff: ## show how the exported names differ from those of the last release
	.ci/apidiff

release: ci ## run all checks, then commit and tag VERSION (v0.2.0); pushes nothing
	.ci/release $(VERSION)

api: ## write API.md and the table of docs/from-official-clients.md
	SMOOCH_WRITE_API=1 go test -count 1 -run 'TestAPITable|TestClientsTable' .

picture: ## write docs/sandbox.png, the picture of the sandbox's page
	go -C e2e test -count 1 -run Picture -picture ../docs/sandbox.png
