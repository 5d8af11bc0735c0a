#!/bin/sh
# usage: in_empty_folder.sh COMMAND...    Runs the command with the path of an empty folder as its last argument, and removes that folder.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$@" "$folder"
