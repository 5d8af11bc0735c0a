! The solver as its author would write it: MPI and nothing else. A cube is heated by a chip at its bottom, and conducts the heat
! badly, but for a column and a plate of metal. Nothing leaves it.
!
! Finite volumes, explicit in time. What flows through a face is added to one cell and taken from the other, so the heat of the
! cube is what the chip has given, to round-off.
module heat_cuboid
  use, intrinsic :: iso_fortran_env, only: error_unit, real64
  use mpi_f08
  implicit none
  private
  public :: refuse

  real(real64), parameter :: conductivity = 1, conductivity_of_metal = 30, power = 1  ! of all of the chip

  ! The cells of one rank, with those of its neighbours around them.
  type, public :: cuboid
    integer :: cells = 0               ! along each edge of the whole cube
    integer :: rank = 0
    integer :: first(3) = 1            ! the rank's part of the cube, from 1
    integer :: count(3) = 0
    real(real64) :: time = 0
    real(real64), allocatable, private :: T(:, :, :)     ! with ghost cells
    ! What flows in a time step between a cell and the next one, for each degree by which they differ; what the chip gives a cell.
    real(real64), allocatable, private :: to_x(:, :, :), to_y(:, :, :), to_z(:, :, :), gain(:, :, :)
    real(real64), private :: time_step = 0
    type(MPI_Comm), private :: grid
    type(MPI_Datatype), private :: face(3)
    integer, private :: below(3) = MPI_PROC_NULL, above(3) = MPI_PROC_NULL
  contains
    procedure :: advance
    procedure :: given
    procedure :: heat
    procedure :: make
    procedure :: remove
    procedure, private :: exchange
    procedure, private :: fill
  end type

contains

  ! Ends the job: one rank says why, and the others wait for their end. Collective.
  subroutine refuse(comm, text)
    type(MPI_Comm), intent(in) :: comm
    character(len=*), intent(in) :: text
    integer :: rank
    call MPI_Comm_rank(comm, rank)
    if (rank == 0) then
      write (error_unit, '(2a)') 'heat_simulation: ', text
      flush (error_unit)
      call MPI_Abort(MPI_COMM_WORLD, 2)
    end if
    call MPI_Barrier(comm)
  end subroutine

  ! Divides a cube among the ranks of a communicator. Collective; ends the job if a rank would have no cells.
  subroutine make(self, comm, cells)
    class(cuboid), intent(inout) :: self
    type(MPI_Comm), intent(in) :: comm
    integer, intent(in) :: cells
    integer :: ranks, parts(3), at(3), dimension, sizes(3), sub(3)
    character(len=80) :: text
    self%cells = cells
    call MPI_Comm_size(comm, ranks)
    parts = 0
    call MPI_Dims_create(ranks, 3, parts)
    call MPI_Cart_create(comm, 3, parts, [.false., .false., .false.], .false., self%grid)
    call MPI_Comm_rank(self%grid, self%rank)
    if (cells < maxval(parts)) then
      write (text, '(i0,a,i0,a)') cells, ' cells along an edge are too few for ', ranks, ' ranks'
      call refuse(comm, trim(text))
    end if
    call MPI_Cart_coords(self%grid, self%rank, 3, at)
    self%first = at * cells / parts + 1
    self%count = (at + 1) * cells / parts - self%first + 1
    do dimension = 1, 3
      call MPI_Cart_shift(self%grid, dimension - 1, 1, self%below(dimension), self%above(dimension))
      sizes = self%count + 2
      sub = self%count
      sub(dimension) = 1
      call MPI_Type_create_subarray(3, sizes, sub, [0, 0, 0], MPI_ORDER_FORTRAN, MPI_DOUBLE_PRECISION, self%face(dimension))
      call MPI_Type_commit(self%face(dimension))
    end do
    call self%fill()
  end subroutine

  subroutine remove(self)
    class(cuboid), intent(inout) :: self
    integer :: dimension
    do dimension = 1, 3
      call MPI_Type_free(self%face(dimension))
    end do
    call MPI_Comm_free(self%grid)
  end subroutine

  ! Writes the temperatures after one more time step to `new`, and goes on with these. Collective.
  subroutine advance(self, new)
    class(cuboid), intent(inout) :: self
    real(real64), contiguous, intent(out) :: new(:, :, :)
    integer :: i, j, k
    call self%exchange()
    associate (T => self%T, x => self%to_x, y => self%to_y, z => self%to_z)
      do k = 1, self%count(3)
        do j = 1, self%count(2)
          do i = 1, self%count(1)
            new(i, j, k) = T(i, j, k) + self%gain(i, j, k) &
              + x(i, j, k) * (T(i + 1, j, k) - T(i, j, k)) - x(i - 1, j, k) * (T(i, j, k) - T(i - 1, j, k)) &
              + y(i, j, k) * (T(i, j + 1, k) - T(i, j, k)) - y(i, j - 1, k) * (T(i, j, k) - T(i, j - 1, k)) &
              + z(i, j, k) * (T(i, j, k + 1) - T(i, j, k)) - z(i, j, k - 1) * (T(i, j, k) - T(i, j, k - 1))
          end do
        end do
      end do
      T(1:self%count(1), 1:self%count(2), 1:self%count(3)) = new
    end associate
    self%time = self%time + self%time_step
  end subroutine

  ! The heat of the cube, on rank 0. Collective.
  function heat(self) result(sum_of_all)
    class(cuboid), intent(in) :: self
    real(real64) :: sum_of_all, mine
    mine = sum(self%T(1:self%count(1), 1:self%count(2), 1:self%count(3))) / real(self%cells, real64)**3
    sum_of_all = 0
    call MPI_Reduce(mine, sum_of_all, 1, MPI_DOUBLE_PRECISION, MPI_SUM, 0, self%grid)
  end function

  ! What the chip has given since the beginning.
  pure function given(self) result(amount)
    class(cuboid), intent(in) :: self
    real(real64) :: amount
    amount = power * self%time
  end function

  ! Conductances, sources, and a time step with which the scheme is stable. Collective.
  subroutine fill(self)
    class(cuboid), intent(inout) :: self
    integer :: i, j, k, chip_cells, cells_of_all
    real(real64) :: scale
    associate (nx => self%count(1), ny => self%count(2), nz => self%count(3))
      allocate (self%T(0:nx + 1, 0:ny + 1, 0:nz + 1), self%gain(nx, ny, nz), source=0.0_real64)
      allocate (self%to_x(0:nx, ny, nz), self%to_y(nx, 0:ny, nz), self%to_z(nx, ny, 0:nz))
      self%time_step = 0.9_real64 / (6 * conductivity_of_metal * real(self%cells, real64)**2)
      scale = self%time_step * real(self%cells, real64)**2
      chip_cells = 0
      do k = 0, nz
        do j = 0, ny
          do i = 0, nx
            if (j > 0 .and. k > 0) self%to_x(i, j, k) = scale * between([i, j, k], 1)
            if (i > 0 .and. k > 0) self%to_y(i, j, k) = scale * between([i, j, k], 2)
            if (i > 0 .and. j > 0) self%to_z(i, j, k) = scale * between([i, j, k], 3)
            if (i > 0 .and. j > 0 .and. k > 0) then
              if (is_chip(middle([i, j, k]))) then
                self%gain(i, j, k) = 1
                chip_cells = chip_cells + 1
              end if
            end if
          end do
        end do
      end do
    end associate
    call MPI_Allreduce(chip_cells, cells_of_all, 1, MPI_INTEGER, MPI_SUM, self%grid)
    self%gain = self%gain * power * self%time_step * real(self%cells, real64)**3 / cells_of_all

  contains

    ! The place of a cell of this rank in the cube of edge 1.
    pure function middle(cell) result(place)
      integer, intent(in) :: cell(3)
      real(real64) :: place(3)
      place = (self%first + cell - 1.5_real64) / self%cells
    end function

    ! The conductivity between a cell and the next one in a dimension; 0 at the walls of the cube.
    pure function between(cell, dimension) result(mean)
      integer, intent(in) :: cell(3), dimension
      integer :: next(3), at
      real(real64) :: mean, one, other
      next = cell
      next(dimension) = next(dimension) + 1
      at = self%first(dimension) + cell(dimension) - 1
      mean = 0
      if (at < 1 .or. at >= self%cells) return
      one = conductivity_at(middle(cell))
      other = conductivity_at(middle(next))
      mean = 2 * one * other / (one + other)
    end function
  end subroutine

  pure function conductivity_at(place) result(value)
    real(real64), intent(in) :: place(3)
    real(real64) :: value, aside
    value = conductivity
    aside = maxval(abs(place(1:2) - 0.5_real64))
    if (aside < 0.1_real64 .and. place(3) < 0.5_real64) value = conductivity_of_metal
    if (aside < 0.3_real64 .and. abs(place(3) - 0.5_real64) < 0.05_real64) value = conductivity_of_metal
  end function

  pure function is_chip(place)
    real(real64), intent(in) :: place(3)
    logical :: is_chip
    is_chip = maxval(abs(place(1:2) - 0.5_real64)) < 0.15_real64 .and. place(3) < 0.1_real64
  end function

  ! Gets the ghost cells from the neighbours: in each dimension, first those above this rank's cells, then those below.
  subroutine exchange(self)
    class(cuboid), intent(inout) :: self
    integer :: dimension, last(3), after(3), zero(3), one(3)
    do dimension = 1, 3
      one = 1
      last = one
      last(dimension) = self%count(dimension)
      after = one
      after(dimension) = self%count(dimension) + 1
      zero = one
      zero(dimension) = 0
      call pass(one, self%below(dimension), after, self%above(dimension))
      call pass(last, self%above(dimension), zero, self%below(dimension))
    end do

  contains

    ! Sends the layer of cells that begins at `from`, and receives that which begins at `into`.
    subroutine pass(from, to, into, source)
      integer, intent(in) :: from(3), to, into(3), source
      call MPI_Sendrecv(self%T(from(1), from(2), from(3)), 1, self%face(dimension), to, dimension, &
        self%T(into(1), into(2), into(3)), 1, self%face(dimension), source, dimension, self%grid, MPI_STATUS_IGNORE)
    end subroutine
  end subroutine
end module
