#!/bin/sh
# usage: demo_says_why_it_ends.sh DIES_WITH COMMAND...    The demo finds a folder where its second picture should be.
dies_with=$1
shift
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/v_0001.png" || exit 1
sh "$dies_with" 'gray_scott_demo: rank 2: cannot write the picture .*/v_0001.png: Is a directory' -- "$@" --output "$folder"
