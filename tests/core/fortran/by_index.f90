!> usage: by_index_fortran write|read URL    Writes arrays of Fortran under fortran/, or checks those of C under c/ and of C++ under
!> cxx/: each value by its indices. by_index.c and by_index.cpp are its counterparts.
program by_index
  use, intrinsic :: iso_c_binding, only: c_bool
  use, intrinsic :: iso_fortran_env, only: int16, int32, real32, real64
  use check
  use locum
  implicit none
  integer, parameter :: nx = 5, ny = 3, nz = 2
  type(locum_store) :: store
  character(len=400) :: mode, url

  call get_command_argument(1, mode)
  call get_command_argument(2, url)
  call store%open(url)
  if (mode == 'write') then
    call write_all()
    call finish_checks(1)
  else
    call read_all('c/')
    call read_all('cxx/')
    call finish_checks(100)
  end if
  call store%close()

contains

  !> The value at indices that count from 0, as in C.
  pure function value(z, y, x)
    integer, intent(in) :: z, y, x
    real(real64) :: value
    value = 100 * z + 10 * y + x
  end function

  subroutine write_all()
    real(real64), pointer, contiguous :: field(:, :, :)
    type(locum_writer) :: writer
    integer :: x, y, z
    logical(c_bool) :: flags(2)
    call store%create('fortran/field', field, [nx, ny, nz], writer)
    do z = 1, nz
      do y = 1, ny
        do x = 1, nx
          field(x, y, z) = value(z - 1, y - 1, x - 1)
        end do
      end do
    end do
    call store%put('fortran/section', field(2:4:2, 3:1:-2, 2:2))
    call store%put('fortran/lines', ['one ', 'two '])
    call store%put('fortran/text', 'from Fortran')
    call store%put('fortran/complex', (1.0_real32, -2.0_real32))
    flags = [.false., .true.]
    call store%put('fortran/flags', flags)
    call writer%seal()
    call is_true(store%size() >= 6, 'all is written')
  end subroutine

  subroutine read_all(language)
    character(len=*), intent(in) :: language
    real(real64), pointer, contiguous :: field(:, :, :)
    complex(real64), pointer, contiguous :: numbers(:, :)
    integer(int32), pointer :: number
    logical(c_bool), pointer, contiguous :: flags(:)
    character(len=:), pointer :: text
    real(real64) :: box(3, 2, 1), frame(5, 4, 3)
    type(locum_view) :: view
    type(locum_info) :: info
    integer(int16), pointer, contiguous :: short(:)
    integer :: x, y, z, stat
    call store%wait(language // 'field', field, view, deadline=60.0_real64)
    call is_true(all(shape(field) == [nx, ny, nz]), language // 'the shape of an array')
    do z = 1, nz
      do y = 1, ny
        do x = 1, nx
          call is_true(field(x, y, z) == value(z - 1, y - 1, x - 1), language // 'an element')
        end do
      end do
    end do
    call view%release()
    call store%info(language // 'field', info)
    call is_true(all(info%shape == [nx, ny, nz]), 'the shape in its metadata')

    call store%read(language // 'field', box, start=[2, 1, 2], count=[3, 2, 1], stride=[1, 2, 1])
    do y = 1, 2
      do x = 1, 3
        call is_true(box(x, y, 1) == value(1, 2 * (y - 1), x), 'an element of a box')
      end do
    end do
    frame = -1
    call store%read(language // 'field', frame(2:4, 2:3, 2:2), start=[2, 1, 2], stride=[1, 2, 1])
    call is_true(all(frame(2:4, 2:3, 2:2) == box), 'the same box, into the interior of a frame')
    call is_true(count(frame == -1) == 54, 'the frame is as it was')

    call store%wait(language // 'number', number, view, deadline=60.0_real64)
    call is_true(number == 42, language // 'a scalar')
    call view%release()
    call store%wait(language // 'text', text, view, deadline=60.0_real64)
    call is_true(text == 'a text' .and. len(text) == 6, language // 'text')
    call view%release()
    call store%wait(language // 'complex', numbers, view, deadline=60.0_real64)
    do y = 1, ny
      do z = 1, nz
        call is_true(numbers(z, y) == cmplx(y - 1, 1 - z, real64), language // 'a complex number')
      end do
    end do
    call view%release()
    call store%wait(language // 'flags', flags, view, deadline=60.0_real64)
    call is_true(flags(1) .and. .not. flags(2), language // 'logical values')
    call view%release()
    call store%get(language // 'unsigned', short, view, stat=stat)
    call has_status(stat, locum_type_mismatch, 'unsigned integers, which Fortran does not have')
    call store%info(language // 'unsigned', info)
    call is_true(info%type == locum_u16 .and. info%type_name == 'u16[]', 'the metadata say what they are')
  end subroutine
end program
