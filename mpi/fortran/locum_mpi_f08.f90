!> The module locum_mpi for programs that use mpi_f08: what takes a communicator takes a type(MPI_Comm) as well as an integer. It
!> brings all of locum_mpi, with a locum_runtime that extends the one there, which it names locum_runtime_by_integer.
module locum_mpi_f08
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use locum_mpi, locum_runtime_by_integer => locum_runtime
  use mpi_f08, only: MPI_Comm
  implicit none
  private :: int64, real64, MPI_Comm
  private :: open_f08, describe_ranks_f08, step_writer_f08, step_reader_f08

  !> The ranks of a job that share stores. A copy is the same runtime.
  type, extends(locum_runtime_by_integer) :: locum_runtime
  contains
    procedure, private :: open_f08, describe_ranks_f08, step_writer_f08, step_reader_f08
    generic :: open => open_f08
    generic :: describe_ranks => describe_ranks_f08
    generic :: step_writer => step_writer_f08
    generic :: step_reader => step_reader_f08
  end type

contains

  subroutine open_f08(self, comm, memory_bytes, timeout, collective_timeout, peer_timeout, prefetch_bytes, prepare_bytes, &
    spill_bytes, spill_folder, stores, name, ranks_per_node, transport, log, checkpoint_signal, as_others, stat, errmsg)
    class(locum_runtime), intent(inout) :: self
    type(MPI_Comm), intent(in) :: comm
    integer(int64), intent(in), optional :: memory_bytes
    real(real64), intent(in), optional :: timeout, collective_timeout, peer_timeout
    integer(int64), intent(in), optional :: prefetch_bytes, prepare_bytes, spill_bytes
    character(len=*), intent(in), optional :: spill_folder, stores, name
    integer, intent(in), optional :: ranks_per_node, transport, log, checkpoint_signal
    logical, intent(in), optional :: as_others
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    call self%open(comm%mpi_val, memory_bytes, timeout, collective_timeout, peer_timeout, prefetch_bytes, prepare_bytes, &
      spill_bytes, spill_folder, stores, name, ranks_per_node, transport, log, checkpoint_signal, as_others, stat, errmsg)
  end subroutine

  subroutine describe_ranks_f08(self, comm, described, stat, errmsg)
    class(locum_runtime), intent(in) :: self
    type(MPI_Comm), intent(in) :: comm
    type(locum_ranks), intent(inout) :: described
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    call self%describe_ranks(comm%mpi_val, described, stat, errmsg)
  end subroutine

  subroutine step_writer_f08(self, writer, stream, comm, queue_steps, queue_bytes, when_full, readers, file, stat, errmsg)
    class(locum_runtime), intent(in) :: self
    type(locum_step_writer), intent(inout) :: writer
    character(len=*), intent(in) :: stream
    type(MPI_Comm), intent(in) :: comm
    integer, intent(in), optional :: queue_steps
    integer(int64), intent(in), optional :: queue_bytes
    integer, intent(in), optional :: when_full
    integer, intent(in), optional :: readers
    character(len=*), intent(in), optional :: file
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    call self%step_writer(writer, stream, comm%mpi_val, queue_steps, queue_bytes, when_full, readers, file, stat, errmsg)
  end subroutine

  subroutine step_reader_f08(self, reader, stream, comm, start_at, ahead, group, file, first_step, every, stat, errmsg)
    class(locum_runtime), intent(in) :: self
    type(locum_step_reader), intent(inout) :: reader
    character(len=*), intent(in) :: stream
    type(MPI_Comm), intent(in) :: comm
    integer, intent(in), optional :: start_at
    integer, intent(in), optional :: ahead
    character(len=*), intent(in), optional :: group
    character(len=*), intent(in), optional :: file
    integer(int64), intent(in), optional :: first_step
    integer(int64), intent(in), optional :: every
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    call self%step_reader(reader, stream, comm%mpi_val, start_at, ahead, group, file, first_step, every, stat, errmsg)
  end subroutine
end module
