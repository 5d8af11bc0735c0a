#!/bin/sh
# usage: refuses.sh COMPILER MODULES    What no object can be made of is an error of the compiler.
set -u
compiler=$1
modules=$2
failed=0
# compiles LINE: whether the compiler takes it, in a program.
compiles() {
  printf '%s\n' 'subroutine use_it(store, flag, thing, sizes, pointer)' 'use locum' 'type :: particle' 'real :: x' 'end type' \
    'type(locum_store) :: store' 'logical :: flag' 'type(particle) :: thing' 'integer :: sizes(*)' 'class(*), pointer :: pointer(:)' \
    'type(locum_view) :: view' "$1" 'end subroutine' |
    "$compiler" -std=f2018 -I"$modules" -fsyntax-only -ffree-form -x f95 - >/dev/null 2>&1
}
compiles "call store%put('x', sizes(:3))" || { echo 'refused, and right'; failed=1; }
for line in "call store%put('x', flag)" "call store%put('x', thing)" "call store%put('x', sizes)" "call store%read('x', 'constant')" \
  "call store%get('x', pointer, view)"; do
  if compiles "$line"; then echo "compiled: $line"; failed=1; fi
done
exit $failed
