#!/bin/sh
# usage: REUSED_BUILD=BUILD REUSED_LAUNCHER=LAUNCHER reuse_object.sh COMPILER ARGUMENT...
#
# Compiles for a project that has locum in the folder `locum` of its build, as CMAKE_CXX_COMPILER_LAUNCHER. If the build in BUILD has
# compiled the same source with the same options, its object is copied: all of the library would be compiled once more, which takes
# minutes. Warnings are no part of the options, nor is the macro that CMake defines for sources of shared libraries, which locum does
# not use. LAUNCHER: that of BUILD; may be empty.
set -eu
build=$REUSED_BUILD
launcher=$REUSED_LAUNCHER
folder=locum

object=
source=
previous=
for argument; do
  case $previous in
    -o) object=$argument ;;
    -c) source=$argument ;;
  esac
  previous=$argument
done

# The words of a command on standard input, one a line, with the same names for what differs between the builds.
options() {  # options FOLDER PREFIX: its own build's
  tr ' ' '\n' | sed -e "s#$1/#BUILD/#" -e "s#^$2##" | grep -v -e '^-W' -e '^-D[a-z_]*_EXPORTS$' -e '^$'
}

# Whether a file is the same in the other build, with all that it includes of its build: those were made when they were configured.
same() {  # same FILE
  case $1 in
    "$PWD/$folder"/*) twin=$build/${1#"$PWD/$folder"/} ;;
    *) return 0 ;;  # a source of both
  esac
  [ -f "$twin" ] && [ "$(sed "s#$PWD/$folder/#BUILD/#" "$1")" = "$(sed "s#$build/#BUILD/#" "$twin")" ] || return 1
  sed -n "s|^#include \"\($PWD/$folder/[^\"]*\)\"\$|\1|p" "$1" | while read -r included; do
    same "$included" || exit 1
  done
}

there=${object#"$folder"/}
if [ "$there" != "$object" ] && [ -f "$build/$there" ] && same "$source"; then
  theirs=$(ninja -C "$build" -t commands "$there" | tail -n 1)
  theirs=${theirs#"$launcher "}
  if [ "$(echo "$*" | options "$PWD/$folder" "$folder/")" = "$(echo "$theirs" | options "$build" "")" ]; then
    exec cp "$build/$there" "$object"
  fi
fi
exec $launcher "$@"
