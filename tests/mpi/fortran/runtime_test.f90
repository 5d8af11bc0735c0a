!> The module locum_mpi: run by two ranks or more.
program runtime_test
  use, intrinsic :: iso_fortran_env, only: int32, int64, real32, real64
  use check
  use locum_mpi
  use mpi
  implicit none
  type(locum_runtime) :: runtime
  type(locum_store) :: fields
  type(locum_view) :: kept
  real(real64), pointer :: of_next(:, :)
  integer :: rank, ranks, next, provided, ierr, stat

  call MPI_Init_thread(MPI_THREAD_MULTIPLE, provided, ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks, ierr)
  next = mod(rank + 1, ranks)
  call before_it_is_open()
  call runtime%open(MPI_COMM_WORLD, memory_bytes=64 * locum_MiB, timeout=60.0_real64, name='of this test ')
  call is_true(runtime%rank() == rank .and. runtime%ranks() == ranks, 'the ranks are those of MPI')
  call is_true(runtime%node() >= 0 .and. runtime%node() < runtime%nodes(), 'nodes count from 0')
  call runtime%store('fields', fields)
  call objects_of_other_ranks()
  call options_of_stores()
  call steps()
  call text_in_steps()
  call last_steps()
  call refused_in_steps()
  call checkpoints()
  call misuse()

  ! A view outlives the runtime; a store does not.
  call fields%get(name_of('T', next), of_next, kept)
  call runtime%close()
  call is_true(of_next(2, 1) == 100 * next + 12, 'a view after the end of the runtime')
  call kept%release()
  call fields%get('T/0', of_next, kept, stat=stat)
  call has_status(stat, locum_closed, 'get after the end of the runtime')
  call fields%close()
  call runtime%close(stat=stat)
  call has_status(stat, locum_invalid_argument, 'a second close')
  call is_true(runtime%rank(stat=stat) == 0 .and. stat == locum_invalid_argument, 'the rank in a closed runtime')
  call MPI_Barrier(MPI_COMM_WORLD, ierr)
  call MPI_Finalize(ierr)
  call finish_checks(120)

contains

  subroutine together()
    call MPI_Barrier(MPI_COMM_WORLD, ierr)
  end subroutine

  function name_of(what, number) result(name)
    character(len=*), intent(in) :: what
    integer, intent(in) :: number
    character(len=40) :: name
    write (name, '(a,a,i0)') what, '/', number
  end function

  !> The element (x, y) of the global field, in a step.
  pure elemental function value_at(x, y, step) result(value)
    integer, intent(in) :: x, y, step
    real(real64) :: value
    value = 10000 * step + 100 * y + x
  end function

  subroutine before_it_is_open()
    type(locum_store) :: store
    type(locum_ranks) :: described
    character(len=100) :: text
    logical :: asked
    text = 'unchanged'
    call runtime%store('fields', store, stat=stat, errmsg=text)
    call has_status(stat, locum_invalid_argument, 'a store of a runtime that was never opened')
    call is_true(index(text, 'invalid_argument: ') == 1, 'errmsg is the text')
    call runtime%drop('fields', stat=stat)
    call has_status(stat, locum_invalid_argument, 'drop before open')
    call runtime%flush(stat=stat)
    call has_status(stat, locum_invalid_argument, 'flush before open')
    call runtime%describe_ranks(MPI_COMM_WORLD, described, stat=stat)
    call has_status(stat, locum_invalid_argument, 'ranks before open')
    call runtime%checkpoint('fields', 'nowhere.h5', stat=stat)
    call has_status(stat, locum_invalid_argument, 'checkpoint before open')
    asked = runtime%checkpoint_requested(stat=stat)
    call has_status(stat, locum_invalid_argument, 'checkpoint_requested before open')
    call is_true(.not. asked, 'none is requested')
    call runtime%close(stat=stat)
    call has_status(stat, locum_invalid_argument, 'close before open')
    call runtime%open(MPI_COMM_NULL, stat=stat)
    call has_status(stat, locum_invalid_argument, 'open with no communicator')
    call runtime%open(MPI_COMM_WORLD, transport=9, stat=stat)
    call has_status(stat, locum_invalid_argument, 'open with no such transport')
    call runtime%open(MPI_COMM_WORLD, memory_bytes=-1_int64, stat=stat)
    call has_status(stat, locum_invalid_argument, 'open with negative memory')
    call is_true(index(locum_error_message(), 'memory_bytes') > 0, 'which option')
  end subroutine

  subroutine objects_of_other_ranks()
    real(real64) :: mine(3, 2), row(1, 2)
    real(real64), pointer :: p(:, :), memory(:, :)
    integer(int32), pointer :: wrong(:, :)
    real(real64), pointer :: flat(:)
    type(locum_view) :: view
    type(locum_writer) :: writer
    integer(int64) :: before
    integer :: x, y
    do y = 1, 2
      do x = 1, 3
        mine(x, y) = 100 * rank + 10 * y + x
      end do
    end do
    call fields%put(name_of('T', rank), mine)
    call fields%wait(name_of('T', next), p, view)
    call is_true(all(p == mine + 100 * (next - rank)), 'the array of the next rank')
    call view%release()
    call fields%read(name_of('T', next), row, start=[3, 1])
    call is_true(row(1, 1) == 100 * next + 13 .and. row(1, 2) == 100 * next + 23, 'a row of it')
    call fields%get(name_of('T', next), wrong, view, stat=stat)
    call has_status(stat, locum_type_mismatch, 'a pointer of another type')
    call fields%get(name_of('T', next), flat, view, stat=stat)
    call has_status(stat, locum_type_mismatch, 'a pointer of another rank')
    call is_true(.not. associated(flat) .and. .not. view%is_held(), 'it is to nothing')

    call fields%create(name_of('made', rank), memory, [2, 2], writer)
    memory = rank
    memory(2, 1) = 7
    call writer%seal()
    call fields%wait(name_of('made', next), p, view)
    call is_true(p(1, 1) == next .and. p(2, 1) == 7, 'made in place by the next rank')
    call view%release()

    call fields%fetch_add('count', 1_int64, before)
    call is_true(before >= 0 .and. before < ranks, 'ranks before this one')
    call together()
    call is_true(fields%size() == 2 * ranks + 1, 'as many names on all ranks')
    call together()
  end subroutine

  subroutine options_of_stores()
    type(locum_store) :: store, again
    call runtime%store('checked', store, memory_bytes=8 * locum_MiB, checksum=.true., lifetime=locum_no_end)
    call runtime%store('checked', again)
    if (rank == 0) call store%put('pi', 3.14_real64)
    call together()
    call is_true(again%exists('pi'), 'the same store')
    call runtime%store('checked', store, stat=stat)
    call has_status(stat, locum_invalid_argument, 'a variable that is in use')
    call again%close()
    call runtime%store('checked', again, checksum=.false., memory_bytes=locum_MiB, stat=stat)
    call has_status(stat, locum_options_differ, 'other options')
    call runtime%store('', again, stat=stat)
    call has_status(stat, locum_invalid_argument, 'no name')
    call together()
    call runtime%drop('checked ')
    call is_true(store%exists('pi', stat=stat) .eqv. .false., 'nothing is in it')
    call has_status(stat, locum_closed, 'a store that was dropped')
    call store%close()
    call runtime%store('over a backend', store, connector='memory:')
    call store%put(name_of('here', rank), rank)
    call is_true(store%exists(name_of('here', rank)), 'a store over a backend')
    call together()
    call runtime%drop('over a backend')
    call store%close()
  end subroutine

  !> Two steps of a field of 5 columns (x), of which each rank has two rows (y).
  subroutine steps()
    integer, parameter :: columns = 5
    type(locum_ranks) :: writing, reading
    type(locum_step_writer) :: out
    type(locum_output_step) :: step, other
    type(locum_step_reader) :: in
    type(locum_input_step) :: seen
    type(locum_view) :: view
    real(real64), pointer, contiguous :: T(:, :)
    real(real64), pointer :: p(:, :), time
    real(real64) :: own(0:columns + 1, 0:3), whole(columns, 2 * ranks), part(2, ranks)
    real(real32) :: narrow(2, ranks)
    integer(int32), pointer :: ids(:)
    character(len=:), allocatable :: names(:)
    integer :: number, x, y, at

    call runtime%describe_ranks(MPI_COMM_WORLD, writing)
    call runtime%describe_ranks(MPI_COMM_WORLD, reading)
    call out%open(writing, 'heat', queue_steps=3, queue_bytes=32 * locum_MiB, when_full=locum_wait)
    call out%open(writing, 'heat', stat=stat)
    call has_status(stat, locum_invalid_argument, 'a writer that is in use')
    call in%open(reading, 'heat ', start_at=locum_oldest, ahead=1)
    do number = 0, 1
      call out%begin(step, deadline=30.0_real64)
      call out%begin(step, stat=stat)
      call has_status(stat, locum_invalid_argument, 'a step that is in use')
      if (number == 0) then  ! in place
        call step%create('T', T, shape=[columns, 2 * ranks], start=[1, 2 * rank + 1], count=[columns, 2])
        call is_true(all(shape(T) == [columns, 2]), 'the shape of the memory')
        do y = 1, 2
          do x = 1, columns
            T(x, y) = value_at(x, 2 * rank + y, number)
          end do
        end do
      else  ! a section without ghost cells
        own = -1
        do y = 1, 2
          do x = 1, columns
            own(x, y) = value_at(x, 2 * rank + y, number)
          end do
        end do
        call step%put('T', own(1:columns, 1:2), shape=[columns, 2 * ranks], start=[1_int64, 2_int64 * rank + 1])
      end if
      call step%create('ids', ids, count=[1 + rank])
      ids = [(10 * rank + at, at=0, rank)]
      call step%put('rest', own(1:2, 0:1))
      if (rank == 0) then
        call step%put('time', 0.25_real64 * number)
        call step%put('outside', own(1:2, 1:2), shape=[2, 2], start=[2, 1], stat=stat)
        call has_status(stat, locum_invalid_argument, 'a part outside of the global array')
        ! What was wrong is forgotten with the part of this rank, and the step is written again.
        call step%discard()
        call out%begin(step)
        call step%create('T', p, shape=[columns, 2 * ranks], count=[columns, 2])
        do y = 1, 2
          do x = 1, columns
            p(x, y) = value_at(x, y, number)
          end do
        end do
        call step%put('ids', [0])
        call step%put('rest', own(1:2, 0:1))
        call step%put('time', 0.25_real64 * number)
      end if
      call step%end()
      call step%end(stat=stat)
      call has_status(stat, locum_invalid_argument, 'a second end')
    end do
    call other%put('T', own, stat=stat)
    call has_status(stat, locum_invalid_argument, 'a step that was never begun')

    do number = 0, 1
      call in%next(seen)
      call in%next(seen, stat=stat)
      call has_status(stat, locum_invalid_argument, 'a step that was not released')
      call is_true(seen%number() == number, 'its number')
      call is_true(all(seen%shape('T') == [columns, 2 * ranks]), 'its shape')
      call is_true(size(seen%shape('ids')) == 0, 'a local array has no shape')
      call seen%variables(names)
      call is_true(size(names) == 4 .and. len(names) == 4, 'the variables')
      call is_true(all(names == ['T   ', 'ids ', 'rest', 'time']), 'their names')
      call is_true(size(seen%shape('none', stat=stat)) == 0, 'no shape')
      call has_status(stat, locum_not_found, 'the shape of no variable')
      call seen%read('T', whole)
      do y = 1, 2 * ranks
        call is_true(all(whole(:, y) == value_at([1, 2, 3, 4, 5], y, number)), name_of('row', y))
      end do
      ! Of columns 2 and 4 every second row, from the second on.
      call seen%read('T', part, start=[2, 2], stride=[2, 2])
      do y = 1, ranks
        call is_true(part(1, y) == value_at(2, 2 * y, number) .and. part(2, y) == value_at(4, 2 * y, number), 'a box')
      end do
      call seen%read('T', part(:, 1:1), start=[3, 2 * next + 1], count=[2, 1])
      call is_true(part(1, 1) == value_at(3, 2 * next + 1, number), 'a box of the next rank')
      call seen%read('T', narrow, start=[2, 2], stride=[2, 2], stat=stat)
      call has_status(stat, locum_type_mismatch, 'read into another type')
      call seen%read('T', part, start=[0, 1], stat=stat)
      call has_status(stat, locum_invalid_argument, 'a start of 0')
      call seen%get('ids', ids, view, writer=next)
      call is_true(size(ids) == merge(1, 1 + next, next == 0), 'the array of the next rank')
      call is_true(all(ids == [(10 * next + at, at=0, size(ids) - 1)]), 'its elements')
      call view%release()
      call seen%get('ids', p, view, writer=next, stat=stat)
      call has_status(stat, locum_type_mismatch, 'a pointer of another type and rank')
      call is_true(.not. associated(p) .and. .not. view%is_held(), 'it is to nothing')
      call seen%get('ids', ids, view, writer=ranks, stat=stat)
      call is_true(stat /= locum_ok, 'a writer that is none')
      call seen%get('none', ids, view, stat=stat)
      call has_status(stat, locum_not_found, 'a variable that is none')
      call seen%get('time', time, view)
      call seen%release()
      call is_true(time == 0.25_real64 * number, 'a view outlives its step')
      call view%release()
      call is_true(seen%number(stat=stat) == 0 .and. stat == locum_invalid_argument, 'a step that was released')
      call seen%variables(names, stat=stat)
      call has_status(stat, locum_invalid_argument, 'the variables of a step that was released')
      call is_true(size(names) == 0, 'none')
    end do
    call out%close()
    call in%next(seen, stat=stat)
    call has_status(stat, locum_end_of_stream, 'after the last step')
    call in%close()
    call in%close(stat=stat)
    call has_status(stat, locum_invalid_argument, 'a reader that was closed')
    call reading%release()
    call writing%release()
    call together()
  end subroutine

  !> Rank 0 writes text, which all others read; readers are a group of their own.
  subroutine text_in_steps()
    type(locum_step_writer) :: out
    type(locum_output_step) :: step
    type(locum_step_reader) :: in
    type(locum_input_step) :: seen
    type(locum_view) :: view
    character(len=:), pointer :: text
    character(len=4) :: lines(3)
    character(len=400) :: message
    integer :: side
    call MPI_Comm_split(MPI_COMM_WORLD, merge(1, 0, rank == 0), rank, side, ierr)
    if (rank == 0) then
      call runtime%step_writer(out, 'log', side, queue_steps=2, readers=1)
      call out%begin(step)
      call step%put('title', 'heat in Fortran ')
      call step%put('lines', ['one ', 'two ', 'last'], shape=[3])
      call step%end()
      call out%close()
    else
      call runtime%step_reader(in, 'log', side, ahead=0)
      call in%next(seen)
      call seen%get('title', text, view)
      call is_true(len(text) == 16 .and. text == 'heat in Fortran', 'text')
      call view%release()
      call is_true(all(seen%shape('lines') == [4, 3]), 'the length of text is the fastest dimension')
      call seen%read('lines', lines)
      call is_true(all(lines == ['one ', 'two ', 'last']), 'an array of text')
      call seen%read('missing', lines, stat=stat, errmsg=message)
      call has_status(stat, locum_not_found, 'a text that is not in the step')
      call is_true(message == locum_error_message(), 'errmsg has its own length, not that of the texts')
      call seen%release()
      call in%next(seen, stat=stat)
      call has_status(stat, locum_end_of_stream, 'the end of the log')
      call in%close()
    end if
    call MPI_Comm_free(side, ierr)
    call together()
  end subroutine

  !> A stream of one rank whose full queue is an error, and of which the newest step is read.
  subroutine last_steps()
    type(locum_step_writer) :: out
    type(locum_output_step) :: step
    type(locum_step_reader) :: in
    type(locum_input_step) :: seen
    integer, pointer :: number
    type(locum_view) :: view
    integer :: at
    if (rank == 0) then
      call runtime%step_writer(out, 'alone', MPI_COMM_SELF, queue_steps=3, when_full=locum_fail)
      call runtime%step_reader(in, 'alone', MPI_COMM_SELF, ahead=0)
      do at = 0, 2
        call out%begin(step)
        call step%put('number', at)
        call step%end()
      end do
      call in%latest(seen)
      call seen%get('number', number, view)
      call is_true(number == 2 .and. seen%number() == 2, 'the newest step')
      call view%release()
      call seen%release()
      call in%close()
      call out%close()
      call runtime%step_writer(out, '', MPI_COMM_SELF, stat=stat)
      call has_status(stat, locum_invalid_argument, 'a stream without a name')
      call runtime%step_reader(in, 'alone', MPI_COMM_NULL, stat=stat)
      call is_true(stat /= locum_ok, 'readers of no communicator')
    end if
    call together()
  end subroutine

  !> What a call refuses is an error of the step's end, too, unless it is written later. Texts are in the order of Fortran.
  subroutine refused_in_steps()
    type(locum_step_writer) :: out
    type(locum_output_step) :: step
    type(locum_step_reader) :: in
    type(locum_input_step) :: seen
    real(real64) :: part(3, 2), whole(5, 4), small(2, 2)
    real(real64), allocatable :: none(:)
    real(real64), pointer :: p(:, :)
    if (rank == 0) then
      part = 1
      call runtime%step_writer(out, 'refused', MPI_COMM_SELF, queue_steps=3)
      call runtime%step_reader(in, 'refused', MPI_COMM_SELF, ahead=0)
      call out%begin(step)
      call step%put('T', part, shape=[5, 4], start=[4, 2], stat=stat)
      call fails(out, step, '3 x 2 elements from (4, 2) on, is not within its array, whose shape is 5 x 4; give')
      call out%begin(step)
      call step%put('T', part, shape=[5, 4], start=[0, 2], stat=stat)
      call fails(out, step, 'start(1) is 0; the least is 1')
      call out%begin(step)
      call step%put('none', none, stat=stat)
      call fails(out, step, 'not allocated')
      call out%begin(step)
      call step%create('T', p, stat=stat)
      call fails(out, step, "neither 'shape' nor 'count' is given")
      call out%begin(step)
      call step%put('none', none, stat=stat)
      call has_status(stat, locum_invalid_argument, 'an array that is not allocated')
      call step%put('none', part)
      call step%put('T', part, shape=[5, 4])
      call step%end()

      call in%next(seen)
      call seen%read('T', small, start=[5, 1], stat=stat)
      call has_status(stat, locum_invalid_argument, 'a box that ends beyond the array')
      call is_true(index(locum_error_message(), 'it is 2 x 2 elements from (5, 1) on, and the array has 5 x 4;') > 0, 'the box')
      call seen%read('T', whole, stat=stat)
      call has_status(stat, locum_not_found, 'elements that nobody has written')
      call is_true(index(locum_error_message(), 'the element (4, 1);') > 0, 'the first of them')
      call seen%release()
      call in%close()
      call out%close()
    end if
    call together()
  end subroutine

  !> The call before, whose status is in stat, is an error of the step's end, and of the next begin.
  subroutine fails(out, step, text)
    type(locum_step_writer), intent(in) :: out
    type(locum_output_step), intent(inout) :: step
    character(len=*), intent(in) :: text
    call has_status(stat, locum_invalid_argument, 'put or create: ' // text)
    call is_true(index(locum_error_message(), text) > 0, 'its text: ' // text)
    call step%end(stat=stat)
    call has_status(stat, locum_invalid_argument, 'the end of its step: ' // text)
    call is_true(index(locum_error_message(), text) > 0, 'the text of the end: ' // text)
    call out%begin(step, stat=stat)
    call has_status(stat, locum_invalid_argument, 'the next begin: ' // text)
  end subroutine

  subroutine checkpoints()
    type(locum_checkpoint_report) :: report
    type(locum_future) :: future
    type(locum_store) :: again
    type(locum_view) :: view
    real(real64), pointer :: p(:, :)
    if (rank == 0) call execute_command_line('rm -rf fortran_checkpoints && mkdir fortran_checkpoints')
    call together()
    call runtime%checkpoint('fields', 'fortran_checkpoints/step0042.h5', report=report, compress=1, stat=stat)
    if (stat == locum_unsupported) then
      print '(a)', 'not tested: checkpoints (' // locum_error_message() // ')'
      return
    end if
    call has_status(stat, locum_ok, 'checkpoint')
    call is_true(report%number == 42 .and. report%objects == 2 * ranks + 1 .and. report%files > 0, 'its report')
    call runtime%checkpoint_async('fields', 'fortran_checkpoints/behind0043.h5', future)
    call runtime%await_checkpoint(future, report, deadline=60.0_real64)
    call is_true(report%number == 43 .and. report%objects == 2 * ranks + 1, 'the report of one in the background')
    call is_true(future%ready(), 'its future has ended')
    call runtime%checkpoint_async('fields', 'fortran_checkpoints/behind0043.h5', future, stat=stat)
    call has_status(stat, locum_invalid_argument, 'a future that is in use')
    call future%release()
    call runtime%await_checkpoint(future, stat=stat)
    call has_status(stat, locum_invalid_argument, 'a future that was released')
    call together()
    call runtime%restore('again', 'fortran_checkpoints/step0042.h5', prefix='T/', report=report)
    call is_true(report%objects == ranks, 'those of the prefix')
    call runtime%store('again', again)
    call again%get(name_of('T', next), p, view)
    call is_true(p(3, 2) == 100 * next + 23, 'a value that was restored')
    call view%release()
    call together()
    call runtime%drop('again')
    call again%close()
    call runtime%restore_latest('latest', 'fortran_checkpoints/step*.h5', report=report)
    call is_true(report%number == 42, 'the latest one')
    call runtime%restore_latest('latest', 'fortran_checkpoints/none*.h5', stat=stat)
    call has_status(stat, locum_not_found, 'no checkpoint')
    call runtime%checkpoint('never opened', 'fortran_checkpoints/none.h5', stat=stat)
    call has_status(stat, locum_not_found, 'no such store')
    call is_true(.not. runtime%checkpoint_requested(), 'none is requested')
    call runtime%drop('latest')
    if (rank == 0) call execute_command_line('rm -r fortran_checkpoints')
  end subroutine

  subroutine misuse()
    type(locum_ranks) :: described
    call runtime%open(MPI_COMM_WORLD, stat=stat)
    call has_status(stat, locum_invalid_argument, 'open of a runtime that is open')
    call runtime%describe_ranks(MPI_COMM_NULL, described, stat=stat)
    call is_true(stat /= locum_ok, 'ranks of no communicator')
    call runtime%checkpoint('fields', 'nowhere.h5', keep=-1, stat=stat)
    call has_status(stat, locum_invalid_argument, 'a negative keep')
    call runtime%checkpoint('fields', 'nowhere.h5', compress=10, stat=stat)
    call has_status(stat, locum_invalid_argument, 'a level that is none')
  end subroutine
end program
