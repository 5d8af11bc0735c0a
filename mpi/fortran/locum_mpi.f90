!> locum in Fortran 2018 for the ranks of an MPI job: the runtime, its stores, checkpoints, and the ranks of streams of steps. It
!> brings the module locum; see there for errors, deadlines and arrays, and docs/guide/fortran.md.
!>
!> Communicators are integers: those of mpif.h and of the module mpi. The module locum_mpi_f08 takes those of mpi_f08, too.
module locum_mpi
  use, intrinsic :: iso_c_binding, only: c_bool, c_int, c_null_ptr, c_ptr, c_size_t
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use locum
  use locum_calls, only: take_text
  use locum_mpi_calls
  implicit none
  private :: c_bool, c_int, c_null_ptr, c_ptr, c_size_t, int64, real64
  private :: fortran_checkpoint, fortran_checkpoint_requested, fortran_future_checkpoint, fortran_restore, &
    fortran_runtime_close, fortran_runtime_drop, &
    fortran_runtime_fail, fortran_runtime_files, fortran_runtime_flush, fortran_runtime_lost_ranks, fortran_runtime_open, &
    fortran_runtime_place, &
    fortran_runtime_ranks, fortran_runtime_report, fortran_runtime_store, fortran_string, fortran_string_release, take_text
  private :: finish, is_given, length_of, runtime_await_checkpoint, runtime_checkpoint, runtime_checkpoint_async
  private :: runtime_checkpoint_requested, runtime_close, runtime_describe_ranks, &
    runtime_drop, runtime_fail, runtime_files, runtime_flush, runtime_lost_ranks, runtime_node, runtime_nodes, runtime_open, &
    runtime_place, &
    runtime_rank, runtime_ranks, runtime_report, runtime_report_all, runtime_restore, runtime_restore_latest, &
    runtime_step_reader, runtime_step_writer, runtime_store, take_string

  integer(int64), parameter :: locum_MiB = 1048576_int64
  integer(int64), parameter :: locum_GiB = 1024 * locum_MiB

  !> `transport` of a runtime.
  integer, parameter :: &
    locum_transport_automatic = 0, &  !< UCX where the library was built with it, else MPI
    locum_transport_ucx = 1, &
    locum_transport_mpi = 2
  !> `log` of a runtime.
  integer, parameter :: &
    locum_log_warnings = 0, &         !< settings that are slow or risky
    locum_log_off = 1, &
    locum_log_info = 2

  !> The ranks of a job that share stores. A copy is the same runtime.
  type :: locum_runtime
    type(c_ptr) :: handle = c_null_ptr  !< a locum_runtime of locum_mpi.h, for calls in C; not to be changed
  contains
    !> Opens a runtime; collective over the communicator, of which it uses a duplicate. All ranks give the same options, which
    !> docs/guide/running.md describes; variables of the environment override them. `memory_bytes`: of one node, for objects.
    generic :: open => open_by_integer
    !> Closes the runtime; collective, before MPI_Finalize. Calls on its stores are locum_closed from then on; views stay valid.
    procedure :: close => runtime_close
    !> Ends the runtime of a rank that cannot go on: waits two seconds for the other ranks to do so, too, and then ends the job by
    !> MPI_Abort, so that none of them waits for this one.
    procedure :: fail => runtime_fail
    !> Where this process is: its rank in the communicator, and its node. Ranks of one node share memory. Both count from 0.
    procedure :: rank => runtime_rank
    procedure :: ranks => runtime_ranks
    procedure :: node => runtime_node
    procedure :: nodes => runtime_nodes
    !> Opens the store of that name, the same on all ranks; not collective. `connector`: URL of the backend that keeps its objects.
    procedure :: store => runtime_store
    !> Opens the files of a URL, each of which is loaded once for all ranks of a node, which read it in place; not collective: any
    !> rank may load any file.
    procedure :: files => runtime_files
    !> Ends a store and evicts its objects; collective.
    procedure :: drop => runtime_drop
    !> Blocks until the names that this rank has put into stores over `nodes+`, written back, are in their backends.
    procedure :: flush => runtime_flush
    !> Describes the ranks of a communicator that write or read a stream of steps together, for locum_step_writer%open and
    !> locum_step_reader%open; collective over it. A rank that writes a stream and reads it describes its ranks twice.
    generic :: describe_ranks => describe_ranks_by_integer
    !> Opens a writer, or a reader, of a stream for the ranks of a communicator; collective over it. As describe_ranks and open.
    generic :: step_writer => step_writer_by_integer
    generic :: step_reader => step_reader_by_integer
    !> Writes the objects of a store to HDF5 files; collective. An older checkpoint of that path is whole until this one is.
    procedure :: checkpoint => runtime_checkpoint
    !> The same in the background; collective. Objects may be evicted or replaced as soon as it returns. The future ends by itself, on
    !> all ranks; to release or cancel it does not stop the checkpoint.
    procedure :: checkpoint_async => runtime_checkpoint_async
    !> Blocks until the checkpoint of a future is written, and reports its contents.
    procedure, nopass :: await_checkpoint => runtime_await_checkpoint
    !> Makes the objects of a checkpoint again, on any number of ranks; collective.
    procedure :: restore => runtime_restore
    !> The same of the latest whole one of the checkpoints whose paths are `pattern` with a number in place of its `*`;
    !> locum_not_found if there is none.
    procedure :: restore_latest => runtime_restore_latest
    !> Returns whether the scheduler has announced the end of the job to any rank; collective, the same result on all.
    procedure :: checkpoint_requested => runtime_checkpoint_requested
    !> Describes memory, objects and paths of this rank; local. report_all: of all ranks; collective.
    procedure :: report => runtime_report
    procedure :: report_all => runtime_report_all
    !> Returns the ranks that died while the runtime was open, as far as this rank knows.
    procedure :: lost_ranks => runtime_lost_ranks
    ! Not private: locum_mpi_f08 adds others to their generic names.
    procedure :: open_by_integer => runtime_open
    procedure :: describe_ranks_by_integer => runtime_describe_ranks
    procedure :: step_writer_by_integer => runtime_step_writer
    procedure :: step_reader_by_integer => runtime_step_reader
  end type

contains

  subroutine runtime_open(self, comm, memory_bytes, timeout, collective_timeout, peer_timeout, prefetch_bytes, prepare_bytes, &
    spill_bytes, spill_folder, stores, name, ranks_per_node, transport, log, checkpoint_signal, as_others, stat, errmsg)
    class(locum_runtime), intent(inout) :: self
    integer, intent(in) :: comm
    integer(int64), intent(in), optional :: memory_bytes
    real(real64), intent(in), optional :: timeout, collective_timeout, peer_timeout
    integer(int64), intent(in), optional :: prefetch_bytes, prepare_bytes, spill_bytes
    character(len=*), intent(in), optional :: spill_folder, stores, name
    integer, intent(in), optional :: ranks_per_node, transport, log, checkpoint_signal
    logical, intent(in), optional :: as_others
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    call finish(fortran_runtime_open(comm, memory_bytes, timeout, collective_timeout, peer_timeout, prefetch_bytes, prepare_bytes, &
      spill_bytes, spill_folder, length_of(spill_folder), stores, length_of(stores), name, length_of(name), ranks_per_node, &
      transport, log, checkpoint_signal, is_given(as_others), self%handle), stat, errmsg)
  end subroutine

  subroutine runtime_close(self, deadline, stat, errmsg)
    class(locum_runtime), intent(inout) :: self
    real(real64), intent(in), optional :: deadline
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    call finish(fortran_runtime_close(self%handle, deadline), stat, errmsg)
  end subroutine

  subroutine runtime_fail(self, stat, errmsg)
    class(locum_runtime), intent(inout) :: self
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    call finish(fortran_runtime_fail(self%handle), stat, errmsg)
  end subroutine

  !> Its rank, ranks, node and nodes.
  function runtime_place(self, stat, errmsg) result(numbers)
    class(locum_runtime), intent(in) :: self
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    integer :: numbers(4)
    call finish(fortran_runtime_place(self%handle, numbers), stat, errmsg)
  end function

  function runtime_rank(self, stat, errmsg) result(number)
    class(locum_runtime), intent(in) :: self
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    integer :: number, numbers(4)
    numbers = runtime_place(self, stat, errmsg)
    number = numbers(1)
  end function

  function runtime_ranks(self, stat, errmsg) result(number)
    class(locum_runtime), intent(in) :: self
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    integer :: number, numbers(4)
    numbers = runtime_place(self, stat, errmsg)
    number = numbers(2)
  end function

  function runtime_node(self, stat, errmsg) result(number)
    class(locum_runtime), intent(in) :: self
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    integer :: number, numbers(4)
    numbers = runtime_place(self, stat, errmsg)
    number = numbers(3)
  end function

  function runtime_nodes(self, stat, errmsg) result(number)
    class(locum_runtime), intent(in) :: self
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    integer :: number, numbers(4)
    numbers = runtime_place(self, stat, errmsg)
    number = numbers(4)
  end function

  subroutine runtime_store(self, name, opened, connector, memory_bytes, lifetime, timeout, checksum, stat, errmsg)
    class(locum_runtime), intent(in) :: self
    character(len=*), intent(in) :: name
    type(locum_store), intent(inout) :: opened
    character(len=*), intent(in), optional :: connector
    integer(int64), intent(in), optional :: memory_bytes
    real(real64), intent(in), optional :: lifetime, timeout
    logical, intent(in), optional :: checksum
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    call finish(fortran_runtime_store(self%handle, name, len_trim(name, c_size_t), connector, length_of(connector), memory_bytes, &
      lifetime, timeout, is_given(checksum), opened%handle), stat, errmsg)
  end subroutine

  subroutine runtime_files(self, url, opened, stat, errmsg)
    class(locum_runtime), intent(in) :: self
    character(len=*), intent(in) :: url
    type(locum_files), intent(inout) :: opened
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    call finish(fortran_runtime_files(self%handle, url, len_trim(url, c_size_t), opened%handle), stat, errmsg)
  end subroutine

  subroutine runtime_drop(self, name, deadline, stat, errmsg)
    class(locum_runtime), intent(in) :: self
    character(len=*), intent(in) :: name
    real(real64), intent(in), optional :: deadline
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    call finish(fortran_runtime_drop(self%handle, name, len_trim(name, c_size_t), deadline), stat, errmsg)
  end subroutine

  subroutine runtime_flush(self, deadline, stat, errmsg)
    class(locum_runtime), intent(in) :: self
    real(real64), intent(in), optional :: deadline
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    call finish(fortran_runtime_flush(self%handle, deadline), stat, errmsg)
  end subroutine

  subroutine runtime_describe_ranks(self, comm, described, stat, errmsg)
    class(locum_runtime), intent(in) :: self
    integer, intent(in) :: comm
    type(locum_ranks), intent(inout) :: described
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    call finish(fortran_runtime_ranks(self%handle, comm, described%handle), stat, errmsg)
  end subroutine

  subroutine runtime_step_writer(self, writer, stream, comm, queue_steps, queue_bytes, when_full, readers, file, stat, errmsg)
    class(locum_runtime), intent(in) :: self
    type(locum_step_writer), intent(inout) :: writer
    character(len=*), intent(in) :: stream
    integer, intent(in) :: comm
    integer, intent(in), optional :: queue_steps
    integer(int64), intent(in), optional :: queue_bytes
    integer, intent(in), optional :: when_full
    integer, intent(in), optional :: readers
    character(len=*), intent(in), optional :: file
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(locum_ranks) :: together
    integer :: ignored
    call runtime_describe_ranks(self, comm, together, stat, errmsg)
    if (present(stat)) then
      if (stat /= locum_ok) return
    end if
    call writer%open(together, stream, queue_steps, queue_bytes, when_full, readers, file, stat, errmsg)
    call together%release(stat=ignored)
  end subroutine

  subroutine runtime_step_reader(self, reader, stream, comm, start_at, ahead, group, file, first_step, every, stat, errmsg)
    class(locum_runtime), intent(in) :: self
    type(locum_step_reader), intent(inout) :: reader
    character(len=*), intent(in) :: stream
    integer, intent(in) :: comm
    integer, intent(in), optional :: start_at
    integer, intent(in), optional :: ahead
    character(len=*), intent(in), optional :: group
    character(len=*), intent(in), optional :: file
    integer(int64), intent(in), optional :: first_step
    integer(int64), intent(in), optional :: every
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(locum_ranks) :: together
    integer :: ignored
    call runtime_describe_ranks(self, comm, together, stat, errmsg)
    if (present(stat)) then
      if (stat /= locum_ok) return
    end if
    call reader%open(together, stream, start_at, ahead, group, file, first_step, every, stat, errmsg)
    call together%release(stat=ignored)
  end subroutine

  subroutine runtime_checkpoint(self, name, path, prefix, keep, compress, incremental, xdmf, report, deadline, stat, errmsg)
    class(locum_runtime), intent(in) :: self
    character(len=*), intent(in) :: name
    character(len=*), intent(in) :: path
    character(len=*), intent(in), optional :: prefix
    integer, intent(in), optional :: keep, compress
    logical, intent(in), optional :: incremental, xdmf
    type(locum_checkpoint_report), intent(out), optional :: report
    real(real64), intent(in), optional :: deadline
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    call finish(fortran_checkpoint(self%handle, name, len_trim(name, c_size_t), path, len_trim(path, c_size_t), prefix, &
      length_of(prefix), keep, compress, is_given(incremental), is_given(xdmf), deadline, report), stat, errmsg)
  end subroutine

  subroutine runtime_checkpoint_async(self, name, path, future, prefix, keep, compress, incremental, xdmf, deadline, stat, errmsg)
    class(locum_runtime), intent(in) :: self
    character(len=*), intent(in) :: name
    character(len=*), intent(in) :: path
    type(locum_future), intent(inout) :: future
    character(len=*), intent(in), optional :: prefix
    integer, intent(in), optional :: keep, compress
    logical, intent(in), optional :: incremental, xdmf
    real(real64), intent(in), optional :: deadline
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    call finish(fortran_checkpoint(self%handle, name, len_trim(name, c_size_t), path, len_trim(path, c_size_t), prefix, &
      length_of(prefix), keep, compress, is_given(incremental), is_given(xdmf), deadline, future=future%handle), stat, errmsg)
  end subroutine

  subroutine runtime_await_checkpoint(future, report, deadline, stat, errmsg)
    type(locum_future), intent(in) :: future
    type(locum_checkpoint_report), intent(out), optional :: report
    real(real64), intent(in), optional :: deadline
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    call finish(fortran_future_checkpoint(future%handle, deadline, report), stat, errmsg)
  end subroutine

  subroutine runtime_restore(self, name, path, prefix, forget_handles, skip_damaged, lazy, report, deadline, stat, errmsg)
    class(locum_runtime), intent(in) :: self
    character(len=*), intent(in) :: name
    character(len=*), intent(in) :: path
    character(len=*), intent(in), optional :: prefix
    logical, intent(in), optional :: forget_handles, skip_damaged, lazy
    type(locum_checkpoint_report), intent(out), optional :: report
    real(real64), intent(in), optional :: deadline
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    call finish(fortran_restore(self%handle, .false._c_bool, name, len_trim(name, c_size_t), path, len_trim(path, c_size_t), &
      prefix, length_of(prefix), is_given(forget_handles), is_given(skip_damaged), is_given(lazy), deadline, report), stat, errmsg)
  end subroutine

  subroutine runtime_restore_latest(self, name, pattern, prefix, forget_handles, skip_damaged, lazy, report, deadline, stat, errmsg)
    class(locum_runtime), intent(in) :: self
    character(len=*), intent(in) :: name
    character(len=*), intent(in) :: pattern
    character(len=*), intent(in), optional :: prefix
    logical, intent(in), optional :: forget_handles, skip_damaged, lazy
    type(locum_checkpoint_report), intent(out), optional :: report
    real(real64), intent(in), optional :: deadline
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    call finish(fortran_restore(self%handle, .true._c_bool, name, len_trim(name, c_size_t), pattern, len_trim(pattern, c_size_t), &
      prefix, length_of(prefix), is_given(forget_handles), is_given(skip_damaged), is_given(lazy), deadline, report), stat, errmsg)
  end subroutine

  function runtime_checkpoint_requested(self, deadline, stat, errmsg) result(is)
    class(locum_runtime), intent(in) :: self
    real(real64), intent(in), optional :: deadline
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    logical :: is
    logical(c_bool) :: found
    call finish(fortran_checkpoint_requested(self%handle, deadline, found), stat, errmsg)
    is = found
  end function

  subroutine runtime_report(self, text, stat, errmsg)
    class(locum_runtime), intent(in) :: self
    character(len=:), allocatable, intent(out) :: text
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(fortran_string) :: found
    integer :: status
    status = fortran_runtime_report(self%handle, .false._c_bool, report=found)
    call take_string(found, text)
    call finish(status, stat, errmsg)
  end subroutine

  subroutine runtime_report_all(self, text, deadline, stat, errmsg)
    class(locum_runtime), intent(in) :: self
    character(len=:), allocatable, intent(out) :: text
    real(real64), intent(in), optional :: deadline
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(fortran_string) :: found
    integer :: status
    status = fortran_runtime_report(self%handle, .true._c_bool, deadline, found)
    call take_string(found, text)
    call finish(status, stat, errmsg)
  end subroutine

  function runtime_lost_ranks(self, stat, errmsg) result(ranks)
    class(locum_runtime), intent(in) :: self
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    integer, allocatable :: ranks(:)
    integer(c_size_t) :: count, room
    integer :: status
    room = 0
    do
      allocate (ranks(room))
      status = fortran_runtime_lost_ranks(self%handle, ranks, room, count)
      if (count <= room) exit
      room = count  ! another one may die before the next attempt
      deallocate (ranks)
    end do
    ranks = ranks(:count)
    call finish(status, stat, errmsg)
  end function

  !> Copies a text of the library, and releases it.
  subroutine take_string(found, text)
    type(fortran_string), intent(inout) :: found
    character(len=:), allocatable, intent(out) :: text
    call take_text(found%text, found%length, text)
    call fortran_string_release(found)
  end subroutine

  !> Gives the outcome of a call to its caller, as `stat` and `errmsg` say.
  subroutine finish(status, stat, errmsg)
    integer, intent(in) :: status
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    if (present(stat)) stat = status
    if (status == locum_ok) return
    if (present(errmsg)) errmsg = locum_error_message()
    if (.not. present(stat)) error stop locum_error_message()
  end subroutine

  !> Returns .false. if it is absent.
  pure function is_given(option) result(value)
    logical, intent(in), optional :: option
    logical(c_bool) :: value
    value = .false.
    if (present(option)) value = logical(option, c_bool)
  end function

  !> Returns the length without trailing blanks; 0 if it is absent.
  pure function length_of(text) result(length)
    character(len=*), intent(in), optional :: text
    integer(c_size_t) :: length
    length = 0
    if (present(text)) length = len_trim(text, c_size_t)
  end function
end module
