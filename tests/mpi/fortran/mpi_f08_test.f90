!> The module locum_mpi_f08: communicators of mpi_f08 where locum_mpi takes integers. Run by two ranks or more.
program mpi_f08_test
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use check
  use locum_mpi_f08
  implicit none
  type(locum_runtime) :: runtime, by_integer
  type(locum_store) :: fields
  type(locum_ranks) :: described
  type(locum_step_writer) :: out
  type(locum_output_step) :: step
  type(locum_step_reader) :: in
  type(locum_input_step) :: input
  type(MPI_Comm) :: side
  real(real64), pointer, contiguous :: T(:)
  real(real64), allocatable :: whole(:)
  integer :: rank, ranks, at, stat

  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks)
  call runtime%open(MPI_COMM_NULL, stat=stat)
  call has_status(stat, locum_invalid_argument, 'open with no communicator')
  call runtime%open(MPI_COMM_WORLD, memory_bytes=32 * locum_MiB, timeout=60.0_real64)
  call is_true(runtime%rank() == rank .and. runtime%ranks() == ranks, 'the ranks are those of MPI')
  call runtime%open(MPI_COMM_WORLD, stat=stat)
  call has_status(stat, locum_invalid_argument, 'open of a runtime that is open')

  call MPI_Comm_split(MPI_COMM_WORLD, merge(0, 1, rank == 0), rank, side)
  if (rank == 0) then
    call runtime%step_reader(in, 'heat', side)
    call in%next(input)
    allocate (whole(2 * (ranks - 1)))
    call input%read('T', whole)
    call is_true(all(whole == [(at, at, at=1, ranks - 1)]), 'what the others wrote')
    call input%release()
    call in%next(input, stat=stat)
    call has_status(stat, locum_end_of_stream, 'the end')
    call in%close()
  else
    call runtime%step_writer(out, 'heat', side, queue_steps=2)
    call out%begin(step)
    call step%create('T', T, shape=[2 * (ranks - 1)], start=[2 * rank - 1], count=[2])
    T = rank
    call step%end()
    call out%close()
    call runtime%step_writer(out, 'none', MPI_COMM_NULL, stat=stat)
    call is_true(stat /= locum_ok, 'writers of no communicator')
  end if
  call runtime%describe_ranks(MPI_COMM_WORLD, described)
  call described%release()
  call runtime%describe_ranks(side%mpi_val, described)  ! integers, too
  call described%release()
  call open_store(runtime)
  call fields%close()
  call MPI_Comm_free(side)
  call MPI_Barrier(MPI_COMM_WORLD)
  call runtime%close()
  call by_integer%open(MPI_COMM_WORLD%mpi_val, memory_bytes=32 * locum_MiB)
  call is_true(by_integer%ranks() == ranks, 'a runtime by an integer')
  call by_integer%close()
  call MPI_Finalize()
  call finish_checks(7)

contains

  !> A procedure of a program that knows the module locum_mpi alone.
  subroutine open_store(job)
    class(locum_runtime_by_integer), intent(in) :: job
    type(locum_files) :: files
    call job%store('fields', fields)
    call is_true(fields%size() == 0, 'a store of a runtime of either module')
    call job%files('memory:', files)
    call files%save('one.npy', 1)
    call is_true(files%exists('one.npy'), 'its files')
    call files%close()
  end subroutine
end program
