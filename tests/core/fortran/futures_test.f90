!> What the program has called when a future has ended.
module notes
  use, intrinsic :: iso_c_binding, only: c_f_pointer, c_int, c_ptr
  use locum
  implicit none
  type(locum_store) :: noted

contains

  !> `context`: the number under whose name it is noted.
  subroutine note(context) bind(C)
    type(c_ptr), value :: context
    integer(c_int), pointer :: number
    character(len=20) :: name
    call c_f_pointer(context, number)
    write (name, '(a,i0)') 'noted ', number
    call noted%put(name, number)
  end subroutine
end module

!> Calls that are carried out while the program computes.
program futures_test
  use, intrinsic :: iso_c_binding, only: c_int, c_loc
  use, intrinsic :: iso_fortran_env, only: int32, real64
  use check
  use locum
  use notes
  implicit none
  type(locum_store) :: store, other
  type(locum_future) :: future, copy, never
  type(locum_view) :: view
  type(locum_key) :: key
  real(real64), pointer :: p(:, :), flat(:)
  real(real64) :: field(2, 3)
  real(real64), asynchronous :: frame(6, 8)
  character(len=:), pointer :: text
  character(len=3), asynchronous :: word
  character(len=200) :: message
  integer(int32), pointer :: number
  integer :: stat, at
  integer(c_int), target :: of_read = 1, of_wait = 2

  field = reshape([1, 2, 3, 4, 5, 6], [2, 3]) * 1.0_real64
  call store%open('memory:')
  call store%put_async('T', field, future)
  key = future%key()
  call is_true(future%ready(), 'a future that was waited for')
  call future%release()
  call store%get_async('T', future)
  call future%get(p, view, deadline=10.0_real64)
  call is_true(all(p == field) .and. view%key() == key, 'get')
  call view%release()
  call future%get(p, view)
  call is_true(all(p == field), 'get once more')
  call view%release()
  call future%get(flat, view, stat=stat)
  call has_status(stat, locum_type_mismatch, 'a pointer of another rank')
  call is_true(.not. associated(flat) .and. .not. view%is_held(), 'nothing is left of it')
  call future%get(text, view, stat=stat)
  call has_status(stat, locum_type_mismatch, 'a pointer to text')
  call is_true(.not. associated(text), 'it is to nothing')
  key = future%key(stat=stat)
  call has_status(stat, locum_invalid_argument, 'the key of a get')
  call future%release()

  ! Read into a section, and a box.
  frame = 0
  call store%read_async('T', frame(2:4:2, 2:6:2), future)
  call future%wait()
  call is_true(all(frame(2:4:2, 2:6:2) == field) .and. count(frame == 0) == 42, 'read into a section')
  call future%get(p, view, stat=stat)
  call has_status(stat, locum_invalid_argument, 'the object of a read')
  call future%release()
  call store%read_async('T', frame(1:1, 1:2), future, start=[2, 1], stride=[1, 2])
  call future%wait()
  call is_true(all([frame(1:1, 1:2)] == [2, 6] * 1.0_real64), 'read of a box')
  call future%release()
  call store%read_async('T', frame(1:2, 1:2), future, stat=stat)
  if (stat == locum_ok) call future%wait(stat=stat)
  call is_true(stat /= locum_ok, 'read into another shape')
  call future%release(stat)

  ! A procedure is called when one has ended, or was cancelled; the array of a read is written before.
  call noted%open('memory:')
  frame = 0
  call store%read_async('T', frame(1:2, 1:3), future)
  call future%then(note, c_loc(of_read))
  call noted%wait('noted 1', number, view, deadline=60.0_real64)
  call is_true(number == 1 .and. all(frame(1:2, 1:3) == field), 'the procedure of a read')
  call view%release()
  call future%release()
  call future%then(note, c_loc(of_read), stat=stat)
  call has_status(stat, locum_invalid_argument, 'a procedure for a future that was released')
  call store%wait_async('never', future)
  call future%then(note, c_loc(of_wait))
  call is_true(.not. noted%exists('noted 2'), 'it has not ended')
  call future%release()
  call noted%wait('noted 2', number, view, deadline=60.0_real64)
  call is_true(number == 2, 'the procedure of a wait that was cancelled')
  call view%release()
  call noted%close()

  ! A wait that ends by a put, by its deadline, by being cancelled.
  call store%wait_async('later', future)
  call is_true(.not. future%ready(), 'nothing is there')
  call future%wait(deadline=0.01_real64, stat=stat)
  call has_status(stat, locum_timeout, 'the deadline of a wait')
  call future%wait(deadline=locum_at_once, stat=stat)
  call has_status(stat, locum_timeout, 'without waiting')
  call store%put('later', 'text')
  call future%get(text, view)
  call is_true(text == 'text', 'what came later')
  call view%release()
  call future%release()
  call store%wait_async('never', future, deadline=0.01_real64)
  call future%wait(stat=stat)
  call has_status(stat, locum_timeout, 'the deadline of the call itself')
  call future%release()
  call store%wait_async('never', future)
  call future%cancel()
  call future%wait(stat=stat)
  call has_status(stat, locum_cancelled, 'a call that was cancelled')
  call future%get(number, view, stat=stat)
  call has_status(stat, locum_cancelled, 'its object')
  call is_true(.not. associated(number) .and. .not. view%is_held(), 'there is none')
  call future%release()
  call store%get_async('never', future)
  call future%wait(stat=stat)
  call has_status(stat, locum_not_found, 'get of nothing')
  call future%release()
  call store%put_async('T', field, future)
  call future%wait(stat=stat)
  call has_status(stat, locum_key_exists, 'put of a name that is in use')
  key = future%key(stat=stat)
  call has_status(stat, locum_key_exists, 'its key')
  call is_true(key == locum_key(), 'there is no key')
  call future%release()

  ! Handles.
  call never%wait(stat=stat)
  call has_status(stat, locum_invalid_argument, 'a future of nothing')
  call is_true(.not. never%ready(stat), 'it is not ready')
  call has_status(stat, locum_invalid_argument, 'ready of nothing')
  call never%cancel(stat)
  call has_status(stat, locum_invalid_argument, 'cancel of nothing')
  call never%release(stat)
  call has_status(stat, locum_invalid_argument, 'release of nothing')
  call store%get_async('T', future)
  call store%get_async('T', future, stat=stat)
  call has_status(stat, locum_invalid_argument, 'a future that is in use')
  copy = future
  call copy%get(p, view)
  call future%get(p, view, stat=stat)
  call has_status(stat, locum_invalid_argument, 'a view that holds an object')
  call view%release()
  call copy%release()
  call future%wait(stat=stat)
  call has_status(stat, locum_invalid_argument, 'a copy of a future that was released')
  call never%release(stat)
  call other%get_async('T', never, stat=stat)
  call has_status(stat, locum_invalid_argument, 'a store that was never opened')
  call other%read_async('T', word, never, stat=stat, errmsg=message)
  call has_status(stat, locum_invalid_argument, 'a read in a store that was never opened')
  call is_true(message == locum_error_message(), 'errmsg has its own length, not that of a text that is read into')
  call store%get_async('', never, stat=stat)
  if (stat == locum_ok) call never%wait(stat=stat)
  call has_status(stat, locum_invalid_argument, 'no name')
  call never%release(stat)

  ! More than there are handles: each was released.
  do at = 1, 70000
    call store%get_async('T', never, stat=stat)
    if (stat /= locum_ok) exit
    call never%release()
  end do
  call has_status(stat, locum_ok, 'futures that were released')
  call store%clear()
  call store%close()
  call finish_checks(40)
end program
