! Simulates how a cube is heated, and publishes its temperatures every few time steps. Who reads them is none of its business:
! see analysis.py, the other program of the job.
program heat_simulation
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use heat_cuboid
  use locum_mpi_f08
  use mpi_f08
  implicit none
  type(locum_runtime) :: runtime
  type(locum_step_writer) :: out
  type(locum_output_step) :: step
  type(MPI_Comm) :: side
  type(cuboid) :: cube
  real(real64), pointer, contiguous :: T(:, :, :)   ! memory of the store
  real(real64), allocatable :: own(:, :, :)
  real(real64) :: heat
  integer :: cells = 40, steps = 9600, every = 600, n, level

  call MPI_Init_thread(MPI_THREAD_MULTIPLE, level)  ! for several nodes without UCX
  call MPI_Comm_split(MPI_COMM_WORLD, 0, 0, side)   ! the ranks of this program: those of the analysis have another color
  call read_options()
  call cube%make(side, cells)
  allocate (own(cube%count(1), cube%count(2), cube%count(3)))

  call runtime%open(MPI_COMM_WORLD, memory_bytes=256 * locum_MiB)
  call runtime%step_writer(out, 'heat', side)
  do n = 1, steps
    if (mod(n, every) /= 0) then
      call cube%advance(own)
      cycle
    end if
    call out%begin(step)                            ! waits for room
    call step%create('T', T, shape=[cells, cells, cells], start=cube%first, count=cube%count)
    call cube%advance(T)                            ! writes to memory of the store: publishing copies nothing
    heat = cube%heat()
    if (cube%rank == 0) call step%put('account', [cube%time, heat, cube%given()])
    call step%end()                                 ! visible once all ranks have ended it
  end do
  call out%close()                                  ! waits until all steps have been read
  call runtime%close()

  heat = cube%heat()
  if (cube%rank == 0) print '(a,i0,a,f12.9,a,f12.9)', 'simulation: after ', steps, ' time steps the cube has ', heat, &
    ', and the chip has given ', cube%given()
  call cube%remove()
  call MPI_Comm_free(side)
  call MPI_Finalize()

contains

  ! Reads the command line. Ends the job if it is wrong.
  subroutine read_options()
    character(len=32) :: name, value
    integer :: at, number, status
    do at = 1, command_argument_count(), 2
      call get_command_argument(at, name)
      call get_command_argument(at + 1, value)
      read (value, '(i32)', iostat=status) number
      if (status /= 0) number = 0
      if (name == '--cells' .and. number > 0) then
        cells = number
      else if (name == '--steps' .and. number > 0) then
        steps = number
      else if (name == '--every' .and. number > 0) then
        every = number
      else
        call refuse(side, '''' // trim(name) // ' ' // trim(value) // &
          ''' is not one of --cells N, --steps N, --every N, with a number above 0')
      end if
    end do
  end subroutine
end program
