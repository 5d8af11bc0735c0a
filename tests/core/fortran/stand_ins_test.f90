!> Stand-ins for objects, and promises. tests/mpi/fortran sends handles to other ranks.
program stand_ins_test
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use check
  use locum
  implicit none
  type(locum_store) :: store, other
  type(locum_proxy) :: proxy, again, never
  type(locum_promise) :: promise, none
  type(locum_handle) :: handle, bad
  type(locum_view) :: view
  type(locum_key) :: key
  real(real64), pointer :: p(:, :), one
  character(len=:), pointer :: text
  integer(int64) :: sent(8)
  integer :: stat

  call store%open('memory:')
  call store%put('T', reshape([1, 2, 3, 4, 5, 6], [2, 3]) * 1.0_real64, key)
  call store%proxy('T', proxy)
  handle = proxy%handle()
  call is_true(storage_size(handle) == 512, 'a handle has 64 bytes')
  sent = handle%words
  call again%open(locum_handle(sent))
  call is_true(again%handle() == handle .and. .not. again%handle() /= handle, 'the handle of a handle')
  call again%prefetch()
  call again%get(p, view, deadline=10.0_real64)
  call is_true(p(2, 3) == 6 .and. view%key() == key, 'what a handle leads to')
  call is_true(again%ready(), 'it is there')
  call view%release()
  call again%get(one, view, stat=stat)
  call has_status(stat, locum_type_mismatch, 'a pointer of another rank')
  call is_true(.not. associated(one) .and. .not. view%is_held(), 'nothing is left of it')
  call again%get(text, view, stat=stat)
  call has_status(stat, locum_type_mismatch, 'a pointer to text')
  call again%open(handle, stat)
  call has_status(stat, locum_invalid_argument, 'a stand-in that is in use')
  call again%release()
  call store%proxy(key, again)
  call is_true(again%handle() == handle, 'a stand-in by key')
  call again%release()

  ! What was evicted, or replaced.
  call store%proxy('T', again)
  call store%replace('T', 1.0_real64)
  call again%get(one, view, stat=stat)
  call is_true(stat /= locum_ok .and. .not. view%is_held(), 'an object that was replaced')
  call again%release()
  call store%proxy('none', again, stat=stat)
  call has_status(stat, locum_not_found, 'a stand-in for nothing')
  bad%words = 7
  call again%open(bad, stat)
  if (stat == locum_ok) call again%get(one, view, stat=stat)
  call is_true(stat /= locum_ok .and. .not. view%is_held(), 'a handle that is none')
  call again%release(stat)
  call again%open(locum_handle(), stat)
  if (stat == locum_ok) call again%get(one, view, stat=stat)
  call is_true(stat /= locum_ok .and. .not. view%is_held(), 'a handle of nothing')
  call again%release(stat)

  ! Promises.
  call store%promise('later', promise)
  call promise%proxy(again)
  call is_true(.not. again%ready(), 'nothing was set')
  call again%get(text, view, deadline=0.01_real64, stat=stat)
  call has_status(stat, locum_timeout, 'a promise that is not kept yet')
  call promise%set('text of it', key)
  call again%get(text, view)
  call is_true(text == 'text of it' .and. view%key() == key, 'a promise that is kept')
  call view%release()
  call is_true(store%exists('later'), 'under its name')
  call promise%set('more', stat=stat)
  call is_true(stat /= locum_ok, 'a promise is set once')
  call promise%proxy(again, stat)
  call has_status(stat, locum_invalid_argument, 'a stand-in that is in use')
  call again%release()
  call promise%release()
  call store%promise(promise)
  call promise%proxy(again)
  call promise%release()
  call again%get(one, view, stat=stat)
  call has_status(stat, locum_broken_promise, 'a promise that was broken')
  call again%release()
  call store%promise(promise)
  call store%promise('x', promise, stat=stat)
  call has_status(stat, locum_invalid_argument, 'a promise that is in use')
  call promise%set([1, 2, 3], key)
  call promise%release()
  call is_true(store%exists(key), 'a promise without a name')

  ! Handles of the program that lead to nothing.
  call never%get(one, view, stat=stat)
  call has_status(stat, locum_invalid_argument, 'get of no stand-in')
  call never%prefetch(stat)
  call has_status(stat, locum_invalid_argument, 'prefetch of no stand-in')
  call is_true(.not. never%ready(stat), 'no stand-in is not ready')
  call has_status(stat, locum_invalid_argument, 'ready of no stand-in')
  handle = never%handle(stat)
  call has_status(stat, locum_invalid_argument, 'the handle of no stand-in')
  call is_true(handle == locum_handle(), 'it is zero')
  call never%release(stat)
  call has_status(stat, locum_invalid_argument, 'release of no stand-in')
  call none%set(1, stat=stat)
  call has_status(stat, locum_invalid_argument, 'no promise is set')
  call none%proxy(never, stat)
  call has_status(stat, locum_invalid_argument, 'a stand-in of no promise')
  call none%release(stat)
  call has_status(stat, locum_invalid_argument, 'release of no promise')
  call other%proxy('T', never, stat=stat)
  call has_status(stat, locum_invalid_argument, 'a stand-in of no store')
  call other%promise(none, stat=stat)
  call has_status(stat, locum_invalid_argument, 'a promise of no store')
  call store%clear()
  call store%close()
  call proxy%get(p, view, stat=stat)
  call is_true(stat /= locum_ok .and. .not. view%is_held(), 'a stand-in whose session was closed')
  call proxy%release()
  call finish_checks(45)
end program
