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
    'type(locum_view) :: view' 'type(locum_future) :: future' 'type(locum_promise) :: promise' 'type(locum_task_queue) :: queue' \
    'type(locum_task) :: task' 'type(locum_files) :: files' 'type(locum_update) :: update' 'integer :: array(3)' 'integer, pointer :: good(:)' "$1" 'end subroutine' |
    "$compiler" -std=f2018 -I"$modules" -fsyntax-only -ffree-form -x f95 - >/dev/null 2>&1
}
for line in "call store%put('x', sizes(:3))" "call store%put_batch(['x', 'y', 'z'], sizes(:3))" "flag = store%update('x', good, update)" \
  "call queue%take(task, good, view)" "call store%read_async('x', array(1:3:2), future)" "call files%save('x.npy', 'a text')" "call files%load('x.npy', good, view)" \
  "call files%read('x.npy', array(1:3:2))"; do
  compiles "$line" || { echo "refused, and right: $line"; failed=1; }
done
for line in "call store%put('x', flag)" "call store%put('x', thing)" "call store%put('x', sizes)" "call store%read('x', 'constant')" "call store%read('x', flag)" "call store%read('x', thing)" \
  "call store%get('x', pointer, view)" "call store%put_async('x', thing, future)" "call store%put_batch(['x'], [flag])" "call promise%set(flag)" \
  "call queue%put(thing)" "call queue%take(task, pointer, view)" "call future%get(array, view)" "flag = store%update('x', array, update)" \
  "call store%read_async('x', array + 1, future)" "call store%get_batch('x', [view])" "call files%save('x.npy', flag)" \
  "call files%save('x.npy', thing)" "call files%load('x.npy', array, view)" "call files%read('x.npy', flag)" "call files%read('x.npy', array + 1)"; do
  if compiles "$line"; then echo "compiled: $line"; failed=1; fi
done
exit $failed
