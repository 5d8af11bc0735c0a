!> Queues of tasks. tests/mpi/fortran shares one among ranks.
program tasks_test
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use check
  use locum
  implicit none
  type(locum_store) :: store, other
  type(locum_task_queue) :: queue, same, never
  type(locum_task) :: task, second, copy
  type(locum_view) :: view
  real(real64), pointer :: p(:)
  integer, pointer :: number
  character(len=:), pointer :: text
  integer(int64) :: first, next
  integer :: stat

  call store%open('memory:')
  call queue%open(store, 'work')
  call queue%open(store, 'work', stat)
  call has_status(stat, locum_invalid_argument, 'a queue that is open')
  call queue%put([1.5_real64, 2.5_real64], first, lifetime=3600.0_real64)
  call queue%put('some text', next)
  call is_true(next == first + 1, 'numbers of tasks')
  call same%open(store, 'work ')
  call same%take(task, p, view)
  call is_true(all(p == [1.5_real64, 2.5_real64]), 'the first task')
  call same%take(task, text, view, stat=stat)
  call has_status(stat, locum_invalid_argument, 'a task that is in use')
  call same%take(second, text, view, stat=stat)
  call has_status(stat, locum_invalid_argument, 'a view that is in use')
  call view%release()
  call task%release()
  call same%take(task, p, view)
  call is_true(p(2) == 2.5_real64, 'a task that was given back')
  call task%done()
  call is_true(p(2) == 2.5_real64, 'its value outlives it')
  call view%release()
  call task%done(stat=stat)
  call has_status(stat, locum_invalid_argument, 'done once more')

  ! A task of another type is left to others.
  call queue%take(task, number, view, stat=stat)
  call has_status(stat, locum_type_mismatch, 'a task of another type')
  call is_true(.not. associated(number) .and. .not. view%is_held(), 'nothing is left of it')
  call task%done(stat=stat)
  call has_status(stat, locum_invalid_argument, 'it was not taken')
  call queue%take(task, text, view, deadline=5.0_real64)
  call is_true(text == 'some text', 'it is still in the queue')
  call view%release()
  copy = task
  call copy%done()
  call task%release(stat)
  call has_status(stat, locum_invalid_argument, 'a copy of a task that is done')
  task = second
  call queue%take(task, number, view, deadline=0.01_real64, stat=stat)
  call has_status(stat, locum_timeout, 'no task')
  call queue%take(task, number, view, deadline=locum_at_once, stat=stat)
  call has_status(stat, locum_timeout, 'no task at once')
  call queue%put(3)
  call queue%close()
  call queue%put(4, stat=stat)
  call is_true(stat /= locum_ok, 'put into a queue that was closed')
  call queue%take(task, number, view)
  call is_true(number == 3, 'the last task')
  call view%release()
  call task%done()
  call queue%take(task, number, view, stat=stat)
  call has_status(stat, locum_end_of_stream, 'the end')
  call queue%release()
  call same%release()

  call queue%put(1, stat=stat)
  call has_status(stat, locum_invalid_argument, 'put into a queue that was released')
  call never%take(task, number, view, stat=stat)
  call has_status(stat, locum_invalid_argument, 'take from no queue')
  call never%close(stat)
  call has_status(stat, locum_invalid_argument, 'close of no queue')
  call never%release(stat)
  call has_status(stat, locum_invalid_argument, 'release of no queue')
  call never%open(other, 'work', stat)
  call has_status(stat, locum_invalid_argument, 'a queue over no store')
  call task%release(stat)
  call has_status(stat, locum_invalid_argument, 'release of no task')
  call store%close()
  call finish_checks(30)
end program
