# What there is to do with keyrelay, by name: `make help` lists it.

.DEFAULT_GOAL := help

# The folder of documents that the Lambda zip and the image carry.
DESTINATIONS ?= destinations
# What `make run` is told of documents and secrets of one's own; without any it brings samples.
OWN = $(if $(filter file,$(origin DESTINATIONS)),, -destinations '$(DESTINATIONS)')$(if $(SECRETS), -secrets '$(SECRETS)')
# What is taken for them on the command line, and would do nothing.
misspelt = $(foreach each,$(1),$(if $(filter command,$(origin $(each))),$(error there is no $(each)=; write $(2))))
$(call misspelt,DESTINATION DOCUMENTS destinations destination documents,DESTINATIONS=folder)
$(call misspelt,SECRET secrets secret,SECRETS=file.json)
$(call misspelt,port Port,PORT=8080)
$(if $(and $(filter command,$(origin SECRETS)),$(filter check build image,$(MAKECMDGOALS))),$(error SECRETS=file.json is for make run, which checks the documents and says of each secret in the file what it lacks))
GOALS := help run downstream test lint bench build check notices image clean e2e
# What stands behind a goal without a name of a variable, and would be taken for another goal.
LOOSE := $(if $(filter run check build image,$(firstword $(MAKECMDGOALS))),$(filter-out $(GOALS),$(MAKECMDGOALS)))
$(if $(LOOSE),$(error write make $(firstword $(MAKECMDGOALS))$(addprefix $() DESTINATIONS=,$(firstword $(filter-out %.json %.env,$(LOOSE))))$(addprefix $() SECRETS=,$(firstword $(filter %.json %.env,$(LOOSE))))))
# The configuration that sam is given, and the Lambda architecture, which it names once, for sam and for this build.
SAMCONFIG ?= samconfig.toml
ARCHITECTURE := $(shell sed -n 's/.*Architecture=\\*"*\(x86_64\|arm64\).*/\1/p' '$(SAMCONFIG)' | sort -u)
# The template's parameter Networks as the configuration gives it, for the check of a build; else KEYRELAY_NETWORKS, for who gives it to
# sam on the command line.
HASH := \#
NETWORKS := $(or $(shell sed -n 's/^[^$(HASH)]*Networks=\\*"*\(public\|private\).*/\1/p' '$(SAMCONFIG)' | tail -n 1),$(KEYRELAY_NETWORKS),public)
# The same of the parameter Later: documents may then ask for the queue, which is there once it is deployed.
QUEUE := $(shell sed -n 's/^[^$(HASH)]*Later=\\*"*true.*/KEYRELAY_QUEUE=Later/p' '$(SAMCONFIG)' | tail -n 1)
GOARCH_x86_64 := amd64
GOARCH_arm64 := arm64
# The address of this machine that sam's container reaches it by.
BRIDGE ?= $(shell ip -4 -o address show docker0 2>/dev/null | sed 's/.*inet \([0-9.]*\).*/\1/')

# In a terminal the program is a job of its own, so that Ctrl-C ends it and not make, whose exit code then is the program's.
foreground = if [ -t 0 ]; then set -m; $(1); else exec $(1); fi

# The commit that is built, with -dirty behind it where files were changed since.
COMMIT := $(or $(shell git describe --always --dirty --tags 2>/dev/null),unknown)
BUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -X main.commit=$(COMMIT)'

.PHONY: $(GOALS) build-Relay

help: ## list these commands
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

run: ## the relay and its workbench, a page in the browser: with samples, or with DESTINATIONS=folder and SECRETS=file.json of your own; PORT=24680 begins at another port
	@$(BUILD) -o dist/keyrelay ./function
	@go build -o dist/local ./function/local
	@$(call foreground,dist/local -program dist/keyrelay -events events$(OWN))

downstream: ## only the sample downstream and its secrets, or those of SECRETS=file.json, for `sam local invoke` and `sam local start-api`
	@go build -o dist/local ./function/local
	@$(call foreground,dist/local -downstream $(or $(BRIDGE),127.0.0.1)$(if $(SECRETS), -secrets '$(SECRETS)'))

test: ## every test, with the race detector
	go test -race -timeout 30m ./...

lint: ## all checkers on the code, the template, the scripts and the Dockerfile
	@bash .ci/lint

bench: ## the speed of the relay as ratios to what it cannot be faster than, and its first answer beside a lazy function's
	@.ci/speed-table
	go test -run '^$$' -bench '^BenchmarkFirstAnswer$$' -benchtime 9x ./function/speed

build: check ## the program for this machine, dist/keyrelay with its documents, packed, beside it and its SBOM, dist/keyrelay.cdx.json
	$(BUILD) -o dist/keyrelay ./function
	@rm -rf dist/destinations && go run ./function pack '$(DESTINATIONS)' dist/destinations
	@.ci/tools sbom
	@.tools/bin/cyclonedx-gomod bin -json -std -licenses -assert-licenses -noserial -notimestamp -version '$(COMMIT)' -output dist/keyrelay.cdx.json dist/keyrelay 2>dist/sbom.log || { cat dist/sbom.log >&2; exit 1; }

notices: ## THIRD_PARTY_NOTICES.txt, from the module graph
	@mkdir -p dist && go run ./.ci/notices >dist/notices && mv dist/notices THIRD_PARTY_NOTICES.txt

image: ## the image of the HTTP server with the documents of DESTINATIONS, keyrelay:latest; the same files make the same layers
	@rm -rf dist/image && mkdir -p dist && cp -RL '$(DESTINATIONS)' dist/image
	docker build -q $(IMAGE_FLAGS) -t keyrelay --build-arg DESTINATIONS=dist/image --build-arg SOURCE_DATE_EPOCH=0 --build-arg COMMIT='$(COMMIT)' --label org.opencontainers.image.revision='$(COMMIT)' .

check: ## the documents of DESTINATIONS=folder, destinations/ unless set, as this machine would serve them: prints every fault
	@go run ./function check '$(DESTINATIONS)'

e2e: ## deploy to an emulated AWS on this machine, call it as a connector would, delete it
	@bash .ci/deploy

clean: ## remove what was built; the tools in .tools stay
	rm -rf dist .aws-sam

# What `sam build` runs for the function Relay of template.yaml.
build-Relay:
	@KEYRELAY_NETWORKS='$(NETWORKS)' $(QUEUE) go run ./function check --for lambda '$(DESTINATIONS)'
	$(if $(GOARCH_$(ARCHITECTURE)),,$(error $(SAMCONFIG) must name one architecture, Architecture=x86_64 or Architecture=arm64, not "$(ARCHITECTURE)"))
	GOOS=linux GOARCH=$(GOARCH_$(ARCHITECTURE)) $(BUILD) -tags lambda.norpc,nethttpomithttp2 -o '$(ARTIFACTS_DIR)/bootstrap' ./function
	@KEYRELAY_NETWORKS='$(NETWORKS)' go run ./function pack '$(DESTINATIONS)' '$(ARTIFACTS_DIR)/destinations'
