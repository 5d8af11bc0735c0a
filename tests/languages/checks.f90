!> What the programs of languages.md in Fortran check after each row.
module checks
  use, intrinsic :: iso_c_binding, only: c_f_pointer, c_ptr
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use locum
  implicit none
  private :: report, c_f_pointer, c_ptr, int64, real64
  character(len=80) :: row = ''
  type(locum_store) :: fields
  real(real64) :: value = 0
  integer(int64) :: number = -1
  logical :: yes = .false.
  character(len=:), allocatable :: text
  integer :: rows = 0, failures = 0

contains

  !> Takes the number of the future at `context` to noted(), which waits for it.
  subroutine note(context) bind(C)
    type(c_ptr), value :: context
    type(locum_future), pointer :: future
    type(locum_view) :: view
    real(real64), pointer :: seen
    call c_f_pointer(context, future)
    call future%get(seen, view)
    call fields%put('noted', seen)
    call view%release()
  end subroutine

  real(real64) function noted()
    type(locum_view) :: view
    real(real64), pointer :: seen
    call fields%wait('noted', seen, view, deadline=60.0_real64)
    noted = seen
    call view%release()
    call fields%evict('noted')
  end function

  subroutine report(is_right)
    logical, intent(in) :: is_right
    rows = rows + 1
    if (is_right) return
    failures = failures + 1
    print '(a)', 'wrong after: ' // trim(row)
  end subroutine

  subroutine value_is(expected)
    class(*), intent(in) :: expected
    select type (expected)
    type is (integer)
      call report(value == expected)
    type is (real)
      call report(value == real(expected, real64))
    class default
      call report(.false.)
    end select
  end subroutine

  subroutine number_is(expected)
    integer, intent(in) :: expected
    call report(number == expected)
  end subroutine

  subroutine size_is(expected)
    integer, intent(in) :: expected
    call report(fields%size() == expected)
  end subroutine

  subroutine yes_is(expected)
    logical, intent(in) :: expected
    call report(yes .eqv. expected)
  end subroutine

  subroutine text_has(part)
    character(len=*), intent(in) :: part
    call report(index(text, part) > 0)
  end subroutine

  !> Whether that is the number under a name.
  subroutine named_is(name, expected)
    character(len=*), intent(in) :: name
    real, intent(in) :: expected
    real(real64) :: stored
    call fields%read(name, stored)
    call report(stored == real(expected, real64))
  end subroutine

  subroutine finish()
    print '(i0,a,i0,a)', rows, ' rows, ', failures, ' failures'
    if (rows == 0) error stop 'no row was checked'
    if (failures > 0) error stop 'what a row says is not so'
  end subroutine
end module
