# Short names for what `cargo xtask` does; nothing here is needed to build or test.

# List the recipes.
default:
    @just --list --unsorted

# Build everything and start the server.
run:
    cargo xtask run

# Build the release binary with the browser client inside.
build:
    cargo xtask build

# Build the browser client alone.
client:
    cargo xtask client

# Make an app for Android and iOS with the browser client in it; needs Node.js.
wrapper *arguments:
    cargo xtask wrapper {{ arguments }}

# Run all tests, a suite (api, socket, browser, security, chaos) or those whose name contains a word.
test *arguments:
    cargo xtask test {{ arguments }}

# Generate clients from the published documents and use them; needs Node.js, Python and Java.
contract:
    cargo xtask contract

# Break nodes, Redis and PostgreSQL under load; arguments as for `cargo xtask chaos`.
chaos *arguments:
    cargo xtask chaos {{ arguments }}

# Format the sources.
fmt:
    cargo fmt --all

# What to run before pushing.
check: fmt ci

# What CI runs.
ci:
    .ci/run

# Write the API description from the code.
openapi:
    cargo xtask openapi

# Build the container image.
image:
    docker build --tag parlour .

# Start two nodes with PostgreSQL, Redis and a proxy; needs `.env`, see deploy/env.example.
up:
    docker compose up --build --detach --wait

# Stop them; the data stays.
down:
    docker compose down
