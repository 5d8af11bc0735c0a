#!/bin/sh
# usage: loads_no_mpi.sh PROGRAM    A program that uses locum.h alone loads no library of MPI or UCX.
set -eu
loaded=$(ldd "$1")
case $loaded in
  *liblocum_c*) ;;
  *) echo "the program does not load liblocum_c: $loaded"; exit 1 ;;
esac
! printf '%s\n' "$loaded" | grep -E 'libmpi|libucp|libuct|libopen-(rte|pal)'
