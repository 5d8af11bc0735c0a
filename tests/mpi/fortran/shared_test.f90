!> The calls of the module locum between ranks of a job: futures, batches, updates, stand-ins, promises, tasks, files; and what a
!> runtime reports. Run by two ranks or more; with the argument "fails" one rank gives up.
program shared_test
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use check
  use locum_mpi
  use mpi
  implicit none
  type(locum_runtime) :: runtime
  type(locum_store) :: fields
  integer :: rank, ranks, next, previous, provided, ierr, stat
  character(len=8) :: how

  call MPI_Init_thread(MPI_THREAD_MULTIPLE, provided, ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks, ierr)
  next = mod(rank + 1, ranks)
  previous = mod(rank + ranks - 1, ranks)
  call runtime%fail(stat)
  call has_status(stat, locum_invalid_argument, 'fail before open')
  call runtime%open(MPI_COMM_WORLD, memory_bytes=64 * locum_MiB, timeout=60.0_real64, name='of this test')
  call runtime%store('fields', fields)
  call get_command_argument(1, how)
  if (how == 'fails') call give_up()
  call updates()
  call batches()
  call futures()
  call stand_ins()
  call promises()
  call tasks()
  call in_files()
  call reports()
  call closed_under_way()
  call after_its_end()
  call MPI_Finalize(ierr)
  call finish_checks(30)

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

  !> All ranks change one object: no change is lost.
  subroutine updates()
    type(locum_update) :: update
    integer, pointer :: counter
    integer :: at, number
    if (rank == 0) call fields%put('counter', 0)
    call together()
    do at = 1, 20
      do while (fields%update('counter', counter, update))
        counter = counter + 1
      end do
    end do
    call together()
    call fields%read('counter', number)
    call is_true(number == 20 * ranks, 'no update is lost')
    call together()
  end subroutine

  subroutine batches()
    real(real64) :: values(3, 40)
    character(len=40) :: mine(40), theirs(40)
    type(locum_view) :: views(40)
    real(real64), pointer :: p(:)
    integer :: at, stats(40)
    do at = 1, 40
      write (mine(at), '(a,i0,a,i0)') 'batch/', rank, '/', at
      write (theirs(at), '(a,i0,a,i0)') 'batch/', next, '/', at
      values(:, at) = [rank, at, 7]
    end do
    call fields%put_batch(mine, values)
    call together()
    call fields%get_batch(theirs, views, stats)
    call is_true(all(stats == locum_ok), 'the batch of the next rank')
    do at = 1, 40
      call views(at)%get(p)
      call is_true(all(p == [next, at, 7]), 'one of its objects')
      call views(at)%release()
    end do
    call together()
  end subroutine

  subroutine futures()
    type(locum_future) :: coming, stored
    type(locum_view) :: view
    real(real64), pointer :: p(:)
    real(real64), allocatable, asynchronous :: whole(:)
    real(real64), allocatable :: large(:)
    call fields%wait_async(name_of('large', next), coming)
    allocate (large(200000), whole(200000))
    large = rank
    call fields%put_async(name_of('large', rank), large, stored)
    large = -1   ! it is stored already
    call stored%wait()
    call stored%release()
    call coming%get(p, view)
    call is_true(size(p) == 200000 .and. all(p == next), 'the object of the next rank')
    call view%release()
    call coming%release()
    call together()
    call fields%read_async(name_of('large', previous), whole, coming)
    call coming%wait(deadline=60.0_real64)
    call is_true(all(whole == previous), 'what was read of the previous rank')
    call coming%release()
    call together()
  end subroutine

  !> Each rank sends the handle of its object to the next one.
  subroutine stand_ins()
    type(locum_proxy) :: mine, received
    type(locum_handle) :: handle
    type(locum_view) :: view
    real(real64), pointer :: p(:)
    type(locum_key) :: key
    integer(int64) :: bytes(8)
    call fields%put_unnamed([1.0_real64, 2.0_real64, real(rank, real64)], key)
    call fields%proxy(key, mine)
    handle = mine%handle()
    call MPI_Sendrecv(handle%words, 64, MPI_BYTE, next, 1, bytes, 64, MPI_BYTE, previous, 1, MPI_COMM_WORLD, &
      MPI_STATUS_IGNORE, ierr)
    call received%open(locum_handle(bytes))
    call received%prefetch()
    call received%get(p, view)
    call is_true(all(p == [1, 2, previous]), 'the object of the previous rank')
    call is_true(received%ready(), 'it is here')
    call view%release()
    call received%release()
    call mine%release()
    call together()
  end subroutine

  subroutine promises()
    type(locum_promise) :: promise
    type(locum_proxy) :: proxy, received
    type(locum_handle) :: handle, other
    type(locum_view) :: view
    character(len=:), pointer :: text
    call fields%promise(promise)
    call promise%proxy(proxy)
    handle = proxy%handle()
    call MPI_Sendrecv(handle%words, 8, MPI_INTEGER8, next, 2, other%words, 8, MPI_INTEGER8, previous, 2, MPI_COMM_WORLD, &
      MPI_STATUS_IGNORE, ierr)
    call received%open(other)
    call is_true(.not. received%ready(), 'nothing was promised yet')
    call together()
    call promise%set('of rank ' // achar(48 + rank))
    call received%get(text, view)
    call is_true(text == 'of rank ' // achar(48 + previous), 'what was promised')
    call view%release()
    call together()
    call promise%release()
    call received%release()
    call proxy%release()
  end subroutine

  !> Tasks of rank 0, each taken by one rank.
  subroutine tasks()
    type(locum_task_queue) :: queue
    type(locum_task) :: task
    type(locum_view) :: view
    integer, pointer :: tile(:)
    integer :: at, sums(2), all_sums(2)
    call queue%open(fields, 'tiles')
    if (rank == 0) then
      do at = 1, 60
        call queue%put([at, 100 * at])
      end do
      call queue%close()
    end if
    sums = 0
    do
      call queue%take(task, tile, view, deadline=60.0_real64, stat=stat)
      if (stat /= locum_ok) exit
      sums = sums + tile
      call view%release()
      call task%done()
    end do
    call has_status(stat, locum_end_of_stream, 'the end of the queue')
    call MPI_Allreduce(sums, all_sums, 2, MPI_INTEGER, MPI_SUM, MPI_COMM_WORLD, ierr)
    call is_true(all(all_sums == [1830, 183000]), 'each task was done once')
    call queue%release()
    call together()
  end subroutine

  !> Ranks of a node load a file once.
  subroutine in_files()
    type(locum_files) :: files
    type(locum_view) :: view
    type(locum_key) :: key
    real(real64), pointer :: T(:, :)
    integer(int64) :: mine(3)
    integer(int64), allocatable :: of_all(:, :)
    integer :: at, x, y
    call runtime%files('file:fortran_shared_files?sync=0', files)
    call runtime%files('memory:', files, stat=stat)
    call has_status(stat, locum_invalid_argument, 'files that are open')
    if (rank == 0) call files%save('T.npy', reshape([((real(10 * x + y, real64), x=1, 3), y=1, 2)], [3, 2]))
    call files%save(trim(name_of('part', rank)) // '.npy', rank)
    call together()
    call files%load('T.npy', T, view)
    call is_true(all(shape(T) == [3, 2]) .and. T(3, 1) == 31 .and. T(1, 2) == 12, 'a file of rank 0')
    key = view%key()
    mine = [int(runtime%node(), int64), int(key%creator, int64), key%serial]
    allocate (of_all(3, ranks))
    call MPI_Allgather(mine, 3, MPI_INTEGER8, of_all, 3, MPI_INTEGER8, MPI_COMM_WORLD, ierr)
    do at = 1, ranks
      if (of_all(1, at) == mine(1)) call is_true(all(of_all(:, at) == mine), 'ranks of a node have the same object')
    end do
    call files%read(trim(name_of('part', next)) // '.npy', x)
    call is_true(x == next, 'a file of the next rank')
    call together()
    call files%remove(trim(name_of('part', rank)) // '.npy')
    if (rank == 0) call files%remove('T.npy')
    call together()
    call is_true(.not. files%exists('T.npy') .and. T(3, 1) == 31, 'a view outlives its file')
    call view%release()
    if (rank == 0) call files%remove('part')
    call files%close()
  end subroutine

  subroutine reports()
    character(len=:), allocatable :: text
    call runtime%report(text)
    call is_true(index(text, 'memory by node') > 0, 'a report')
    call runtime%report_all(text, deadline=60.0_real64)
    call is_true(index(text, 'memory by node') > 0, 'a report of all ranks')
    call is_true(size(runtime%lost_ranks()) == 0, 'no rank is lost')
  end subroutine

  !> What is open while its runtime is closed: errors from then on, and each can be released.
  subroutine closed_under_way()
    type(locum_future) :: coming
    type(locum_proxy) :: proxy
    type(locum_promise) :: promise
    type(locum_task_queue) :: queue
    type(locum_task) :: task
    type(locum_update) :: update
    type(locum_view) :: view
    real(real64), pointer :: number, changed
    logical :: again
    call fields%put(name_of('kept', rank), 0.5_real64)
    call together()
    call fields%proxy(name_of('kept', next), proxy)
    call fields%wait_async('never', coming)
    call fields%promise(promise)
    call queue%open(fields, 'kept')
    again = fields%update(name_of('kept', rank), changed, update)
    call is_true(again, 'an update is under way')
    changed = 1.5_real64
    call runtime%close()
    call coming%get(number, view, stat=stat)
    call has_status(stat, locum_closed, 'a wait under way')
    call proxy%get(number, view, stat=stat)
    call has_status(stat, locum_closed, 'a stand-in')
    call promise%set(1, stat=stat)
    call has_status(stat, locum_closed, 'a promise')
    call queue%put(1, stat=stat)
    call has_status(stat, locum_closed, 'put of a task')
    call queue%take(task, number, view, stat=stat)
    call has_status(stat, locum_closed, 'take of a task')
    again = fields%update(name_of('kept', rank), changed, update, stat=stat)
    call has_status(stat, locum_closed, 'an update')
    call is_true(.not. again .and. .not. associated(changed) .and. .not. view%is_held(), 'nothing is left of it')
    call coming%release()
    call proxy%release()
    call promise%release()
    call queue%release()
    call fields%close()
  end subroutine

  subroutine after_its_end()
    character(len=:), allocatable :: text
    type(locum_promise) :: promise
    type(locum_files) :: files
    text = 'left'
    call runtime%report(text, stat)
    call has_status(stat, locum_invalid_argument, 'the report of a runtime that was closed')
    call is_true(len(text) == 0, 'it is empty')
    call runtime%report_all(text, stat=stat)
    call has_status(stat, locum_invalid_argument, 'the report of all')
    call is_true(size(runtime%lost_ranks(stat)) == 0, 'lost ranks of a runtime that was closed')
    call has_status(stat, locum_invalid_argument, 'lost ranks of a runtime that was closed')
    call runtime%fail(stat)
    call has_status(stat, locum_invalid_argument, 'fail of a runtime that was closed')
    call fields%promise(promise, stat=stat)
    call has_status(stat, locum_invalid_argument, 'a promise in a store that was closed')
    call runtime%files('memory:', files, stat=stat)
    call has_status(stat, locum_invalid_argument, 'files of a runtime that was closed')
  end subroutine

  !> Rank 0 cannot go on; the others wait for an object that never comes.
  subroutine give_up()
    type(locum_view) :: view
    real(real64), pointer :: never
    if (rank == 0) call runtime%fail()
    call fields%wait('never', never, view, deadline=600.0_real64)
  end subroutine
end program
